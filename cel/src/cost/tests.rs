use serde_json::{Value as Json, json};

use crate::decl::{DeclType, ListType, SchemaRoot, decl_type};
use crate::{Activation, CostEstimate, Environment};

fn list(of: DeclType, max: u64) -> DeclType {
    DeclType::list(of, Some(max), ListType::Atomic)
}

fn estimate(decl: DeclType, expression: &str) -> (u64, u64) {
    let environment = Environment::new(37).with_variable("input", decl);
    let CostEstimate { min, max } = environment.compile(expression).unwrap().estimate_cost();
    (min, max)
}

/// Figures of cel-go's `checker/cost_test.go`.
#[test]
fn estimates_depend_on_declared_sizes() {
    let text = || DeclType::string(Some(500));
    for (decl, expression, wanted) in [
        (list(DeclType::int(), 100), "input", (1, 1)),
        (list(DeclType::any(), 100), "input.all(x, true)", (2, 302)),
        (
            list(list(DeclType::int(), 10), 50),
            "input.all(x, x.all(y, true))",
            (2, 1752),
        ),
        (text(), "input.matches('[0-9]')", (3, 103)),
        (text(), "input.matches('\\\\d+a\\\\d+b')", (3, 103)),
        (text(), "bytes(input)", (1, 51)),
        (text(), "bytes(input) == bytes(input)", (3, 302)),
        (text(), "input.contains(input)", (2, 2502)),
        (text(), "'a'.startsWith(input)", (1, 51)),
        (text(), "input.size()", (2, 2)),
        (
            DeclType::map(list(DeclType::int(), 10), Some(5)),
            "input.all(k, input[k].all(x, true))",
            (2, 187),
        ),
        (
            DeclType::map(
                DeclType::object("o", [("n".to_owned(), DeclType::int())]),
                Some(10),
            ),
            "input.all(k, input[k].n > 3)",
            (2, 82),
        ),
        (
            DeclType::object("o", [("a".to_owned(), text())]),
            "has(input.a)",
            (1, 1),
        ),
    ] {
        assert_eq!(estimate(decl, expression), wanted, "{expression}");
    }
}

#[test]
fn unlimited_sizes_are_those_of_the_largest_request() {
    let unbounded = || DeclType::list(DeclType::string(None), None, ListType::Atomic);
    let (_, max) = estimate(unbounded(), "input.all(x, input.all(y, x == y))");
    assert!(max > 100_000_000, "{max}");
    let bounded = list(DeclType::string(Some(10)), 10);
    let (_, max) = estimate(bounded, "input.all(x, input.all(y, x == y))");
    assert!(max < 10_000, "{max}");
}

fn cost(decl: DeclType, data: &Json, expression: &str) -> u64 {
    let environment = Environment::new(37)
        .with_variable("input", decl)
        .without_folding();
    let program = environment.compile(expression).unwrap();
    let activation = Activation::new().with("input", data);
    let outcome = program.evaluate(&activation, 1_000_000);
    outcome.result.unwrap();
    outcome.cost
}

/// Figures of cel-go's `interpreter/runtimecost_test.go`.
#[test]
fn costs_are_counted_as_in_cel_go() {
    let any = DeclType::any;
    let long = "a".repeat(500);
    for (data, expression, wanted) in [
        (json!([1, 2]), "input", 1),
        (json!({"key": "v"}), "input['key']", 2),
        (json!(["v"]), "input[0]", 2),
        (json!(["v"]), "input[3 - 3]", 3),
        (json!({"key": "v"}), "input['ke' + 'y']", 3),
        (json!({"a": {"b": 1}}), "has(input.a.b)", 2),
        (json!([]), "input.all(x, true)", 2),
        (json!(null), "[1, 2, 3].all(x, true)", 20),
        (json!(null), "2 in [1, 2, 3]", 13),
        (json!(null), "[1,2,3,4,5].filter(x, x % 2 == 0)", 62),
        (json!(null), "[1,2,3,4,5].map(x, x)", 86),
        (
            json!(null),
            "[1,2,3,4,5].map(x, x).filter(x, x % 2 == 0)",
            138,
        ),
        (json!(null), "[{'k1': 1}, {'k2': 2}].all(x, true)", 77),
        (json!(null), "(1 > 2 ? 5 : 3) > 1", 2),
        (json!(null), "(1 > 2 || 2 > 1) == true", 3),
        (json!(null), "true ? false : 1 > 3", 0),
        (json!(null), "false ? false : 1 > 3", 1),
        (
            json!(null),
            "'12345678901234567890' == '123456789012345678901234567890'",
            2,
        ),
        (json!(long), "string(input) == input", 53),
        (
            json!([0]),
            "(input.size() > 0 ? input : input).all(y, true)",
            7,
        ),
    ] {
        assert_eq!(cost(any(), &data, expression), wanted, "{expression}");
    }
    let text = DeclType::string(None);
    assert_eq!(cost(text, &json!(long), "input.matches('[0-9]')"), 103);
}

#[test]
fn an_evaluation_ends_when_its_budget_is_exhausted() {
    let environment = Environment::new(37).with_variable("input", DeclType::any());
    let data = json!((0..1000).collect::<Vec<_>>());
    for expression in [
        "input.all(x, input.all(y, input.all(z, x + y + z >= 0)))",
        "input.map(x, input.map(y, x * y)).size() > 0",
        "lists.range(9223372036854775807).size() > 0",
        "lists.range(100000).map(x, 'a'.replace('', 'bbbbbbbbbb')).join('').size() > 0",
        "input.all(x, input == input)",
        "input.exists(x, dyn(input).distinct() == [])",
        "input.exists(x, 'a'.matches('b{1,' + string(x) + '}'))",
    ] {
        let program = environment.compile(expression).unwrap();
        let activation = Activation::new().with("input", &data);
        let outcome = program.evaluate(&activation, 10_000);
        let error = outcome.result.unwrap_err();
        assert!(error.is_over_budget(), "{expression}: {error}");
        assert_eq!(
            error.to_string(),
            "operation cancelled: actual cost limit exceeded"
        );
    }
}

#[test]
fn the_size_of_strings_is_limited() {
    let environment = Environment::new(37).with_variable("input", DeclType::any());
    let data = json!("a".repeat(100_000));
    for expression in [
        "input.replace('', input).size() > 0",
        "input.split('').map(x, input).join('').size() > 0",
        "'%.999999999f'.format([1.5]).size() < 2000",
    ] {
        let program = environment.compile(expression).unwrap();
        let activation = Activation::new().with("input", &data);
        let outcome = program.evaluate(&activation, 10_000_000);
        match outcome.result {
            Err(error) => assert!(error.is_over_budget(), "{expression}: {error}"),
            Ok(value) => assert_eq!(value.as_bool(), Some(true), "{expression}"),
        }
    }
}

#[test]
fn a_regex_used_for_every_element_is_compiled_once() {
    let environment = Environment::new(37).with_variable("input", DeclType::any());
    let data = json!({"pattern": "^a[0-9]+$", "names": vec!["a1"; 5_000]});
    let program = environment
        .compile("input.names.all(n, n.matches(input.pattern))")
        .unwrap();
    let activation = Activation::new().with("input", &data);
    let outcome = program.evaluate(&activation, 1_000_000);
    assert_eq!(outcome.result.map(|value| value.as_bool()), Ok(Some(true)));
}

/// The figures of upstream's tests of rules (`pkg/apiserver/schema/cel/compilation_test.go`).
#[test]
fn estimates_of_rules_match_their_goldens() {
    let cases: Vec<Json> =
        serde_json::from_str(include_str!("../../testdata/schema_costs.json")).unwrap();
    let mut wrong = Vec::new();
    for case in cases {
        let decl = decl_type(&case["schema"], SchemaRoot::Part, "self").unwrap();
        let environment = Environment::new(37)
            .with_variable("self", decl.clone())
            .with_variable("oldSelf", decl);
        let rule = case["rule"].as_str().unwrap();
        let max = environment.compile(rule).unwrap().estimate_cost().max;
        let right = match case["cost"].as_u64() {
            Some(cost) => cost == max,
            None => case["exceeds"].as_u64().is_some_and(|limit| max >= limit),
        };
        if !right {
            wrong.push(format!("{max} of {case}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
