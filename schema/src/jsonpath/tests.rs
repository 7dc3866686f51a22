use serde_json::json;

use super::*;

fn found(path: &str) -> Vec<Value> {
    let object = json!({
        "metadata": {"labels": {"a.b/c": "dotted"}},
        "spec": {"n": 3, "items": [{"k": "a", "v": 1}, {"k": "b", "v": 2}, {"k": "c"}]},
        "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Odd", "status": "False"}]},
    });
    JsonPath::parse(path)
        .unwrap()
        .find(&object)
        .into_iter()
        .cloned()
        .collect()
}

#[test]
fn expressions_find_what_kubectl_finds() {
    for (path, values) in [
        (".spec.n", json!([3])),
        ("$.spec.n", json!([3])),
        (".spec.none.x", json!([])),
        (".spec.items[0].k", json!(["a"])),
        (".spec.items[-1].k", json!(["c"])),
        (".spec.items[9].k", json!([])),
        (".spec.items[*].k", json!(["a", "b", "c"])),
        (".spec.items[0:2].k", json!(["a", "b"])),
        (".spec.items[::2].k", json!(["a", "c"])),
        (".spec.items[0,2].k", json!(["a", "c"])),
        (".spec['n']", json!([3])),
        (r".metadata.labels.a\.b/c", json!(["dotted"])),
        (r#".metadata.labels["a.b/c"]"#, json!(["dotted"])),
        (
            r#".status.conditions[?(@.type=="Ready")].status"#,
            json!(["True"]),
        ),
        (
            ".status.conditions[?(@.type != 'Ready')].status",
            json!(["False"]),
        ),
        (".spec.items[?(@.v)].k", json!(["a", "b"])),
        (".spec.items[?(@.v >= 2)].k", json!(["b"])),
        (".spec.items[?(@.v < $.spec.n)].k", json!(["a", "b"])),
        ("..v", json!([1, 2])),
        (".", json!([])),
    ] {
        if path != "." {
            assert_eq!(json!(found(path)), values, "{path}");
        }
    }
    assert_eq!(found(".").len(), 1);
}

#[test]
fn malformed_expressions_are_rejected() {
    for path in [
        ".a[",
        ".a[x]",
        ".a[0:1:0]",
        ".a b",
        ".a[?(@.x==)]",
        ".a}",
        ".a[1",
        ".a[]",
    ] {
        assert!(JsonPath::parse(path).is_err(), "{path}");
    }
    assert!(JsonPath::parse(&".a".repeat(5000)).is_err());
}
