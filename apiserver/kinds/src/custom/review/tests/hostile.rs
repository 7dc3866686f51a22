//! Webhooks that answer anything.

use proptest::prelude::*;

use super::*;

/// Any JSON, a few levels deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        Just(json!("Success")),
    ];
    let names = prop_oneof![
        prop::sample::select(vec![
            "apiVersion",
            "kind",
            "metadata",
            "name",
            "uid",
            "labels",
            "annotations",
            "result",
            "status",
        ])
        .prop_map(str::to_owned),
        "[a-z]{1,4}",
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(names.clone(), inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// The paths of all values in a document.
fn paths(value: &Value, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                paths(value, &format!("{path}/{}", name.replace('/', "~1")), found);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                paths(item, &format!("{path}/{at}"), found);
            }
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn an_answer_with_any_value_anywhere_keeps_the_identity_of_the_object(
        places in prop::collection::vec((any::<prop::sample::Index>(), any_json()), 1..4),
        version in prop::sample::select(vec!["v1", "v1beta1"]),
    ) {
        let mut sent = answer(|_| ());
        for (place, value) in places {
            let mut found = Vec::new();
            paths(&sent, "", &mut found);
            let path: &String = place.get(&found);
            *sent.pointer_mut(path).unwrap() = value;
        }
        match converted(version, &sent) {
            Ok(objects) => {
                prop_assert_eq!(objects.len(), 1);
                let (was, is) = (original(), &objects[0]);
                prop_assert_eq!(&is["apiVersion"], "example.com/v2");
                prop_assert_eq!(&is["kind"], &was["kind"]);
                for field in ["name", "namespace", "uid", "generation"] {
                    prop_assert_eq!(&is["metadata"][field], &was["metadata"][field]);
                }
                for field in ["labels", "annotations"] {
                    let texts = is["metadata"].get(field).map(Value::as_object);
                    let texts = texts.map(|texts| texts.unwrap().values().all(Value::is_string));
                    prop_assert_ne!(texts, Some(false));
                }
            }
            Err(why) => prop_assert!(!why.is_empty()),
        }
    }

    #[test]
    fn an_answer_of_any_bytes_is_an_error(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let (webhook, objects) = (webhook(&["v1"]), [original()]);
        let review = Review::new(&webhook, "u", "example.com/v2", &objects).unwrap();
        let (_, why) = review.converted(&bytes).unwrap_err();
        prop_assert!(why.starts_with(&named("failed: ")), "{}", why);
    }
}

#[test]
fn an_answer_may_be_nested_without_bounds() {
    let deep = "[".repeat(1 << 20);
    let object = format!("{{\"response\":{{\"convertedObjects\":{deep}");
    let (webhook, objects) = (webhook(&["v1"]), [original()]);
    let review = Review::new(&webhook, "u", "example.com/v2", &objects).unwrap();
    for answer in [deep.as_str(), object.as_str()] {
        let (_, why) = review.converted(answer.as_bytes()).unwrap_err();
        assert!(why.contains("recursion limit exceeded"), "{why}");
    }
}
