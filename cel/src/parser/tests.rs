use super::*;
use crate::source::CompileError;

const ALL: Syntax = Syntax {
    optionals: true,
    two_variables: true,
    sort_by: true,
};

fn error(source: &str) -> String {
    CompileError::new(source, parse(source, ALL).unwrap_err()).to_string()
}

fn first_line(source: &str) -> String {
    error(source).lines().next().unwrap().to_owned()
}

/// The tree in prefix form.
fn tree(source: &str) -> String {
    show(
        &parse(source, ALL)
            .unwrap_or_else(|e| panic!("{source}: {e:?}"))
            .0,
    )
}

fn show(expr: &Expr) -> String {
    match &expr.kind {
        Kind::Literal(literal) => format!("{literal:?}"),
        Kind::Ident(name) => (**name).to_owned(),
        Kind::Select(s) => format!(
            "{}.{}{}",
            show(&s.operand),
            s.field,
            if s.test { "?" } else { "" }
        ),
        Kind::Call(c) => {
            let target = c
                .target
                .as_ref()
                .map(|t| format!("{}.", show(t)))
                .unwrap_or_default();
            let args: Vec<_> = c.args.iter().map(show).collect();
            format!("{target}{}({})", c.function, args.join(", "))
        }
        Kind::List(elements) => {
            let elements: Vec<_> = elements.iter().map(|e| show(&e.value)).collect();
            format!("[{}]", elements.join(", "))
        }
        Kind::Map(_) => "{}".to_owned(),
        Kind::Struct(make) => format!("{}{{}}", make.name),
        Kind::Comprehension(c) => format!("fold({}, {})", show(&c.range), show(&c.step)),
    }
}

#[test]
fn operators_have_the_precedence_of_cel() {
    assert_eq!(tree("a + b * c"), "_+_(a, _*_(b, c))");
    assert_eq!(tree("a - b - c"), "_-_(_-_(a, b), c)");
    assert_eq!(tree("a || b && c"), "_||_(a, _&&_(b, c))");
    assert_eq!(tree("a ? b : c ? d : e"), "_?_:_(a, b, _?_:_(c, d, e))");
    assert_eq!(tree("a in b == c"), "_==_(@in(a, b), c)");
    assert_eq!(tree("!!a"), "a");
    assert_eq!(tree("-a.b"), "-_(a.b)");
    assert_eq!(tree("-1"), "Int(-1)");
    assert_eq!(tree("a.?b[?0]"), "_[?_](_?._(a, String(\"b\")), Int(0))");
    assert_eq!(tree("a.b.C{}"), "a.b.C{}");
}

#[test]
fn long_logical_chains_are_balanced() {
    let (expr, _) = parse(&vec!["a"; 10_000].join(" && "), ALL).unwrap_or_else(|_| panic!());
    assert!(expr.depth < 20, "{}", expr.depth);
    assert_eq!(tree("a && b && c && d"), "_&&_(_&&_(a, b), _&&_(c, d))");
}

#[test]
fn macros_expand() {
    assert_eq!(tree("has(a.b)"), "a.b?");
    assert_eq!(
        tree("a.all(x, x > 0)"),
        "fold(a, _&&_(@result, _>_(x, Int(0))))"
    );
    assert_eq!(tree("a.map(x, y)"), "fold(a, _+_(@result, [y]))");
    assert_eq!(tree("a.all(x)"), "a.all(x)");
    assert!(parse("a.all(i, v, v > 0)", ALL).is_ok());
    assert_eq!(
        first_line("a.all(1, true)"),
        "ERROR: <input>:1:7: argument must be a simple name"
    );
    assert_eq!(
        first_line("has(a)"),
        "ERROR: <input>:1:5: invalid argument to has() macro"
    );
}

#[test]
fn syntax_errors_have_the_messages_of_cel_go() {
    let primary = "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, \
                   NUM_UINT, STRING, BYTES, IDENTIFIER}";
    assert_eq!(
        first_line("1 + +"),
        format!("ERROR: <input>:1:5: Syntax error: mismatched input '+' expecting {primary}")
    );
    assert_eq!(
        error("*@a | b"),
        format!(
            "ERROR: <input>:1:1: Syntax error: extraneous input '*' expecting {primary}\n | *@a | b\n | ^\n\
             ERROR: <input>:1:2: Syntax error: token recognition error at: '@'\n | *@a | b\n | .^\n\
             ERROR: <input>:1:5: Syntax error: token recognition error at: '| '\n | *@a | b\n | ....^\n\
             ERROR: <input>:1:7: Syntax error: extraneous input 'b' expecting <EOF>\n | *@a | b\n | ......^"
        )
    );
    assert_eq!(
        first_line("TestAllTypes(){single_int32: 1, single_int64: 2}"),
        "ERROR: <input>:1:15: Syntax error: mismatched input '{' expecting <EOF>"
    );
    assert_eq!(
        first_line("as"),
        "ERROR: <input>:1:1: reserved identifier: as"
    );
    assert_eq!(
        first_line("99999999999999999999"),
        "ERROR: <input>:1:1: invalid int literal"
    );
}

#[test]
fn depth_and_size_are_limited() {
    let deep = "ERROR: <input>:-1:0: expression recursion limit exceeded: 250";
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("!(", ")"),
        ("-(", ")"),
        ("a[", "]"),
        ("f(", ")"),
    ] {
        for times in [300, 30_000] {
            let source = format!("{}1{}", open.repeat(times), close.repeat(times));
            if source.len() <= MAX_CODE_POINTS {
                assert_eq!(error(&source), deep, "{open}");
            }
        }
    }
    assert_eq!(error(&vec!["1"; 10_000].join("+")), deep);
    assert_eq!(error(&format!("a{}", ".b".repeat(10_000))), deep);
    assert!(error(&"*a".repeat(40_000)).contains(deep));
    let nested = format!("{}1{}", "(".repeat(248), ")".repeat(248));
    assert!(parse(&nested, ALL).is_ok());
    let source = "1".repeat(MAX_CODE_POINTS + 1);
    assert_eq!(
        error(&source),
        "ERROR: <input>:-1:0: expression code point size exceeds limit: size: 100001, limit 100000"
    );
}

#[test]
fn copies_of_a_target_are_limited() {
    let source = format!("a{}", ".optMap(x, x)".repeat(60));
    assert!(error(&source).contains("nodes") || error(&source).contains("recursion"));
}

#[test]
fn literals_have_their_values() {
    assert_eq!(tree(r"'\u00e9\n\x41\101'"), "String(\"é\\nAA\")");
    assert_eq!(tree(r"r'\d'"), "String(\"\\\\d\")");
    assert_eq!(tree(r"b'\xff\377'"), "Bytes([255, 255])");
    assert_eq!(tree("0xFFu"), "Uint(255)");
    assert_eq!(tree("-9223372036854775808"), "Int(-9223372036854775808)");
    assert_eq!(tree("'''a'b'''"), "String(\"a'b\")");
}
