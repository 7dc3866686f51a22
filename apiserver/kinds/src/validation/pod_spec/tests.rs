mod containers;
mod pods;
mod volumes;

use portcullis_api::decode::decode;
use serde_json::{Value, json};

use super::*;
use crate::kinds::pod::defaults::default_pod_spec;

/// The errors of a spec after defaulting.
fn mistakes(given: &Value) -> Vec<String> {
    let decoded = decode::<PodSpec>(given).unwrap();
    assert_eq!(decoded.unknown_fields, Vec::<String>::new(), "{given}");
    let mut spec = decoded.value;
    default_pod_spec(&mut spec);
    let mut errors = ErrorList::new();
    validate_pod_spec(&spec, "", &Path::new("spec"), &mut errors);
    errors.iter().map(ToString::to_string).collect()
}

/// A spec of one container with these additional fields.
fn container(extra: &Value) -> Value {
    let mut container = json!({"name": "m", "image": "i"});
    for (key, value) in extra.as_object().unwrap() {
        container[key] = value.clone();
    }
    json!({"containers": [container]})
}

/// A spec of one valid container with these additional fields.
fn spec(extra: &Value) -> Value {
    let mut spec = container(&json!({}));
    for (key, value) in extra.as_object().unwrap() {
        spec[key] = value.clone();
    }
    spec
}

/// Compares the errors of each container with upstream's.
fn check_containers(cases: Vec<(Value, Vec<&str>)>) {
    for (given, texts) in cases {
        let texts: Vec<_> = texts
            .iter()
            .map(|text| format!("spec.containers[0].{text}"))
            .collect();
        assert_eq!(mistakes(&container(&given)), texts, "{given}");
    }
}

/// The same for specs.
fn check_specs(cases: Vec<(Value, Vec<&str>)>) {
    for (given, texts) in cases {
        let texts: Vec<_> = texts.iter().map(|text| format!("spec.{text}")).collect();
        assert_eq!(mistakes(&spec(&given)), texts, "{given}");
    }
}
