use serde_json::json;

use crate::{DeclType, Environment, SchemaRoot, decl_type};

fn environment(minor: u32) -> Environment {
    let schema = json!({
        "type": "object",
        "properties": {
            "replicas": {"type": "integer"},
            "name": {"type": "string"},
            "created": {"type": "string", "format": "date-time"},
            "ratio": {"type": "number"},
            "namespace": {"type": "string"},
            "any": {"x-kubernetes-int-or-string": true},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "items": {"type": "array", "items": {"type": "object", "properties": {"k": {"type": "string"}}}},
        },
    });
    let decl = decl_type(&schema, SchemaRoot::Part, "self").unwrap();
    Environment::new(minor).with_variable("self", decl)
}

fn error(expression: &str) -> String {
    environment(37).compile(expression).unwrap_err().to_string()
}

#[test]
fn issues_have_the_messages_of_cel_go() {
    for (expression, wanted) in [
        ("self.z == 1", "ERROR: <input>:1:5: undefined field 'z'"),
        ("has(self.z)", "ERROR: <input>:1:4: undefined field 'z'"),
        (
            "other == 1",
            "ERROR: <input>:1:1: undeclared reference to 'other' (in container '')",
        ),
        (
            "f(1)",
            "ERROR: <input>:1:2: undeclared reference to 'f' (in container '')",
        ),
        (
            "self.name.f()",
            "ERROR: <input>:1:12: undeclared reference to 'f' (in container '')",
        ),
        (
            "self.replicas > 'a'",
            "ERROR: <input>:1:15: found no matching overload for '_>_' applied to '(int, string)'",
        ),
        (
            "self.name.startsWith(1)",
            "ERROR: <input>:1:21: found no matching overload for 'startsWith' applied to 'string.(int)'",
        ),
        (
            "self == 1",
            "ERROR: <input>:1:6: found no matching overload for '_==_' applied to '(self, int)'",
        ),
        (
            "self.replicas.x",
            "ERROR: <input>:1:14: type 'int' does not support field selection",
        ),
        (
            "self.replicas.all(x, true)",
            "ERROR: <input>:1:5: expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)",
        ),
        (
            "[1, 'a']",
            "ERROR: <input>:1:5: expected type 'int' but found 'string'",
        ),
        (
            "self.replicas ? 1 : 2",
            "ERROR: <input>:1:15: found no matching overload for '_?_:_' applied to '(int, int, int)'",
        ),
        (
            "self.items.all(i, i.k)",
            "ERROR: <input>:1:15: found no matching overload for '_&&_' applied to '(bool, string)'",
        ),
        (
            "Object{}",
            "ERROR: <input>:1:7: undeclared reference to 'Object' (in container '')",
        ),
        (
            "duration('1x') == duration('1s')",
            "ERROR: <input>:1:10: invalid duration argument",
        ),
        (
            "self.name.matches('(')",
            "ERROR: <input>:1:19: invalid matches argument",
        ),
    ] {
        assert_eq!(error(expression).lines().next().unwrap(), wanted);
    }
    let both = error("self.y == self.z");
    assert_eq!(
        both.lines()
            .filter(|line| line.starts_with("ERROR"))
            .count(),
        2
    );
    let condition = environment(37)
        .compile_condition("self.replicas")
        .unwrap_err();
    assert_eq!(
        condition.to_string(),
        "cel expression must evaluate to a bool"
    );
}

#[test]
fn types_are_inferred() {
    for (expression, wanted) in [
        ("self.replicas", "int"),
        ("self.ratio * 2.0", "double"),
        ("self.created", "timestamp"),
        ("self.labels", "map(string, string)"),
        ("self.labels.map(k, self.labels[k])", "list(string)"),
        ("self.items.map(i, i.k)", "list(string)"),
        ("self.items.filter(i, i.k != '')", "list(self.items.@idx)"),
        ("self.?name", "optional_type(string)"),
        ("self.?name.orValue('')", "string"),
        ("self.items[?0].?k", "optional_type(string)"),
        ("self.namespace", "string"),
        ("self.__namespace__", "string"),
        ("self.any", "dyn"),
        ("self.any == 1 ? self.any : 'a'", "dyn"),
        ("[1].map(x, [x])", "list(list(int))"),
        ("[]", "list(dyn)"),
        ("{}", "map(dyn, dyn)"),
        ("type(1)", "type(int)"),
        ("optional.of([1]).optMap(l, l.size())", "optional_type(int)"),
        ("{'a': 1}.transformList(k, v, v)", "list(int)"),
        ("{'a': 1}.transformMap(k, v, k)", "map(string, string)"),
        ("['b', 'a'].sortBy(x, x)", "list(string)"),
        (
            "self.created - timestamp('2020-01-01T00:00:00Z')",
            "duration",
        ),
        ("ip('1.2.3.4')", "net.IP"),
        ("ip.isCanonical('1.2.3.4')", "bool"),
        ("quantity('1').add(1)", "kubernetes.Quantity"),
    ] {
        let program = environment(37).compile(expression);
        let program = program.unwrap_or_else(|e| panic!("{expression}: {e}"));
        assert_eq!(program.result_type().to_string(), wanted, "{expression}");
    }
}

#[test]
fn functions_depend_on_the_version() {
    for (expression, since) in [
        ("'a'.upperAscii()", 0),
        ("1 < 2.0", 28),
        ("self.?name.hasValue()", 28),
        ("isQuantity('1')", 28),
        ("'%s'.format(['a'])", 29),
        ("sets.contains([1], [1])", 29),
        ("isIP('1')", 30),
        ("format.dns1123Label().validate('a')", 31),
        ("[1].all(i, v, true)", 32),
        ("isSemver('1.2.3')", 33),
        ("[1].distinct()", 34),
        ("[1].sortBy(x, x)", 34),
        ("[1].includes(1)", 37),
    ] {
        for minor in [20, 27, 28, 29, 30, 31, 32, 33, 34, 36, 37] {
            let compiles = environment(minor).compile(expression).is_ok();
            assert_eq!(compiles, minor >= since, "{expression} in 1.{minor}");
        }
    }
}

#[test]
fn types_that_grow_with_every_step_are_rejected() {
    let doubled = format!("[1]{}", ".map(a, {a: a})".repeat(60));
    let error = Environment::new(37)
        .compile(&doubled)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("too complex") || error.contains("recursion"),
        "{error}"
    );
}

#[test]
fn object_literals_require_declared_types() {
    let patch = DeclType::object(
        "JSONPatch",
        [
            ("op".to_owned(), DeclType::string(None)),
            ("value".to_owned(), DeclType::any()),
        ],
    );
    let env = Environment::new(37)
        .with_object(&patch)
        .with_object(&DeclType::open_object("Object"));
    let compiled = env.compile("[JSONPatch{op: 'add', value: 1}]").unwrap();
    assert_eq!(compiled.result_type().to_string(), "list(JSONPatch)");
    let compiled = env
        .compile("Object{spec: Object.spec{replicas: 1}}")
        .unwrap();
    assert_eq!(compiled.result_type().to_string(), "Object");
    for (expression, wanted) in [
        ("JSONPatch{from: 'a'}", "undefined field 'from'"),
        (
            "JSONPatch{op: 1}",
            "expected type of field 'op' is 'string' but provided type is 'int'",
        ),
    ] {
        assert_eq!(
            env.compile(expression).unwrap_err().issues()[0].message(),
            wanted
        );
    }
}

#[test]
fn a_program_knows_the_variables_that_it_uses() {
    let env = environment(37).with_variable("oldSelf", DeclType::int());
    for (expression, uses) in [
        ("oldSelf > 1", true),
        ("self.items.all(i, has(i.k) || oldSelf > 1)", true),
        ("self.replicas > 1 && 'oldSelf' != ''", false),
        ("self.items.all(oldSelf, has(oldSelf.k))", false),
    ] {
        assert_eq!(
            env.compile(expression).unwrap().uses("oldSelf"),
            uses,
            "{expression}"
        );
    }
}
