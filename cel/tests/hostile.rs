//! Arbitrary expressions neither panic nor run forever.

use portcullis_cel::{Activation, DeclType, Environment, ListType, to_json};
use proptest::prelude::*;
use serde_json::json;

fn environment() -> Environment {
    let item = DeclType::object("item", [("k".to_owned(), DeclType::string(None))]);
    let list = DeclType::list(item, None, ListType::Map(vec!["k".to_owned()]));
    let object = DeclType::object(
        "self",
        [
            ("items".to_owned(), list),
            ("n".to_owned(), DeclType::int()),
            ("t".to_owned(), DeclType::string(None)),
        ],
    );
    Environment::new(37)
        .with_variable("self", object)
        .with_variable("any", DeclType::any())
        .with_object(&DeclType::open_object("Object"))
}

/// Compiles, estimates and evaluates.
fn run(source: &str) {
    let Ok(program) = environment().compile(source) else {
        return;
    };
    program.estimate_cost();
    let object = json!({"items": [{"k": "a"}, {"k": "b"}], "n": 3, "t": "text"});
    let any = json!([1, -1.5, "x", null, true, {"a": [[]]}, [{}]]);
    let activation = Activation::new().with("self", &object).with("any", &any);
    if let Ok(value) = program.evaluate(&activation, 10_000).result {
        let _ = to_json(&value);
    }
}

const WORDS: &[&str] = &[
    "self",
    "any",
    "self.items",
    "self.t",
    "x",
    "y",
    ".",
    ".?",
    "[",
    "]",
    "[?",
    "(",
    ")",
    "{",
    "}",
    ",",
    "?",
    ":",
    "!",
    "-",
    "+",
    "*",
    "/",
    "%",
    "&&",
    "||",
    "==",
    "!=",
    "<",
    ">=",
    "in",
    "true",
    "null",
    "0",
    "1",
    "-1",
    "2u",
    "1.5",
    "'a'",
    "''",
    "b'a'",
    ".all(x, ",
    ".exists(x, ",
    ".map(x, ",
    ".filter(x, ",
    ".all(i, v, ",
    ".transformMap(i, v, ",
    ".sortBy(x, ",
    ".optMap(x, ",
    "has(",
    "size(",
    "int(",
    "string(",
    "double(",
    "dyn(",
    "type(",
    "timestamp(",
    "duration(",
    "quantity(",
    "url(",
    "ip(",
    "cidr(",
    "semver(",
    "optional.of(",
    "optional.none()",
    "lists.range(",
    "sets.contains(",
    ".sum()",
    ".max()",
    ".join(",
    ".split(",
    ".format(",
    ".replace(",
    ".substring(",
    ".charAt(",
    ".indexOf(",
    ".lastIndexOf(",
    ".matches(",
    ".find(",
    ".findAll(",
    ".distinct()",
    ".flatten(",
    ".slice(",
    ".reverse()",
    ".sort()",
    ".value()",
    ".orValue(",
    ".or(",
    ".getHours(",
    "'1h'",
    "'2020-01-01T00:00:00Z'",
    "'10.0.0.0/8'",
    "'é%s'",
    "Object{",
    "a:",
    "9223372036854775807",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_does_not_panic(source in "\\PC{0,60}") {
        run(&source);
    }

    #[test]
    fn arbitrary_words_do_not_panic(words in prop::collection::vec(prop::sample::select(WORDS), 0..24)) {
        run(&words.concat());
        run(&words.join(" "));
    }

    #[test]
    fn calls_with_arbitrary_arguments_do_not_panic(
        target in prop::sample::select(vec!["self.t", "any", "dyn(1)", "'é'", "[1, 2]", "{'a': 1}", "dyn(self)", "any[0]", "b'a'"]),
        method in prop::sample::select(vec!["charAt", "substring", "indexOf", "lastIndexOf", "replace", "split", "slice", "flatten",
            "format", "matches", "find", "findAll", "join", "sum", "max", "isSorted", "distinct", "sort", "getHours", "includes"]),
        args in prop::collection::vec(prop::sample::select(vec!["0", "-1", "1", "3", "9223372036854775807", "''", "'a'", "dyn('é')",
            "dyn(1.5)", "[1]", "['%d', '%.3f', '%x']", "any", "dyn(null)", "'[a-'"]), 0..4),
    ) {
        run(&format!("{target}.{method}({})", args.join(", ")));
    }
}

#[test]
fn the_deepest_expressions_fit_a_small_stack() {
    let deep = |open: &str, inner: &str, close: &str, times: usize| {
        format!("{}{inner}{}", open.repeat(times), close.repeat(times))
    };
    for times in [40, 60, 80, 120, 240, 1_000, 20_000] {
        for (open, inner, close) in [
            ("(", "1", ")"),
            ("[", "1", "]"),
            ("{1: ", "1", "}"),
            ("!(", "true", ")"),
            ("dyn(", "1", ")"),
            ("[1].all(x, ", "true", ")"),
            ("[1].map(x, ", "x", ")"),
            ("true ? ", "1", " : 1"),
            ("[1][", "0", "]"),
            ("any[0].a.b + (", "any", ")"),
            ("optional.of(", "1", ").optMap(x, x)"),
        ] {
            run(&deep(open, inner, close, times));
        }
        run(&format!("any{}", ".a".repeat(times)));
        run(&format!("any{}", "[0]".repeat(times)));
        run(&format!("1{}", " + 1".repeat(times)));
        run(&format!("true{}", " && true".repeat(times)));
        run(&format!("any{}", ".map(x, x)".repeat(times)));
    }
}
