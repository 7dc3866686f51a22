//! A zero value means the same as an absent field: writing it changes nothing.

mod objects;

use http::Method;
use portcullis_api::type_metadata;
use serde_json::{Map, Value, json};

use self::objects::OBJECTS;
use crate::support::client::{Answer, Client};
use crate::support::server::TestServer;

/// Fields for which upstream's rules distinguish an empty list or map from an absent one
/// (`ValidateStorageClassUpdate` by `reflect.DeepEqual`, `copyHPAScalingRules` by nil).
const TOLD_APART: [(&str, &str); 2] = [
    ("StorageClass", "parameters"),
    ("HPAScalingRules", "policies"),
];

/// Without controllers that write, and without service accounts for pods.
const FLAGS: &[&str] = &[
    "--controllers=-namespace",
    "--disable-admission-plugins=ServiceAccount",
];

/// The definitions of the server's own OpenAPI document.
struct Definitions(Map<String, Value>);

impl Definitions {
    async fn of(client: &Client) -> Self {
        let document = client.get("/openapi/v2").await.json();
        Self(document["definitions"].as_object().unwrap().clone())
    }

    /// The definition of a kind.
    fn of_kind(&self, api_version: &str, kind: &str) -> String {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let gvk = json!({"group": group, "version": version, "kind": kind});
        let is_it = |definition: &Value| {
            let kinds = definition["x-kubernetes-group-version-kind"].as_array();
            kinds.is_some_and(|kinds| kinds.contains(&gvk))
        };
        let found = self.0.iter().find(|(_, definition)| is_it(definition));
        found
            .unwrap_or_else(|| panic!("{api_version} {kind}"))
            .0
            .clone()
    }

    /// The object with explicit zero values for the fields that it omits and Go would omit, and their number.
    fn spelt_out(&self, object: &Value, definition: &str) -> (Value, usize) {
        let mut spelt = object.clone();
        let mut zeros = 0;
        self.spell(
            &mut spelt,
            &json!({"$ref": format!("#/definitions/{definition}")}),
            &mut zeros,
        );
        (spelt, zeros)
    }

    fn spell(&self, value: &mut Value, schema: &Value, zeros: &mut usize) {
        let name = reference(schema);
        let schema = name.map_or(schema, |name| &self.0[name]);
        match value {
            Value::Array(items) => {
                for item in items {
                    let keys = schema["x-kubernetes-list-map-keys"].as_array();
                    let keys = keys.into_iter().flatten().filter_map(Value::as_str);
                    // the keys of an item identify it, so absent ones are not set
                    let absent: Vec<_> = keys.filter(|key| item.get(key).is_none()).collect();
                    self.spell(item, &schema["items"], zeros);
                    if let Some(fields) = item.as_object_mut() {
                        fields.retain(|field, _| !absent.contains(&field.as_str()));
                    }
                }
            }
            Value::Object(fields) if schema.get("properties").is_some() => {
                let owner = name
                    .and_then(|name| name.rsplit('.').next())
                    .unwrap_or_default();
                for (field, schema) in schema["properties"].as_object().unwrap() {
                    match fields.get_mut(field) {
                        Some(value) => self.spell(value, schema, zeros),
                        None if type_metadata::keeps_empty(owner, field) => {}
                        None if TOLD_APART.contains(&(owner, field)) => {}
                        None => {
                            if let Some(zero) = self.zero(schema) {
                                fields.insert(field.clone(), zero);
                                *zeros += 1;
                            }
                        }
                    }
                }
            }
            Value::Object(fields) => {
                for value in fields.values_mut() {
                    self.spell(value, &schema["additionalProperties"], zeros);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn zero(&self, schema: &Value) -> Option<Value> {
        let schema = reference(schema).map_or(schema, |name| &self.0[name]);
        match (schema["type"].as_str()?, schema["format"].as_str()) {
            ("boolean", _) => Some(json!(false)),
            ("integer" | "number", _) => Some(json!(0)),
            ("string", None | Some("byte")) if schema.get("properties").is_none() => {
                Some(json!(""))
            }
            ("array", _) => Some(json!([])),
            ("object", _) if schema.get("additionalProperties").is_some() => Some(json!({})),
            _ => None,
        }
    }
}

fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/definitions/")
}

/// The parts of an object that a write without changes must keep.
fn state(object: &Value) -> (Value, Value, Value) {
    let meta = &object["metadata"];
    (
        meta["resourceVersion"].clone(),
        meta["generation"].clone(),
        meta["managedFields"].clone(),
    )
}

fn assert_unchanged(what: &str, answer: &Answer, before: &Value) {
    assert_eq!(
        answer.code,
        200,
        "{what}: {}",
        String::from_utf8_lossy(&answer.body)
    );
    let after = answer.json();
    assert_eq!(
        state(&after),
        state(before),
        "{what}\nbefore {before}\nafter {after}"
    );
}

async fn patch(client: &Client, form: &str, path: &str, body: &Value) -> Answer {
    let client = client
        .clone()
        .header("content-type", &format!("application/{form}"));
    client.ask(Method::PATCH, path, body.to_string()).await
}

/// Writes an object of each kind, and again with the zero values of all absent fields.
#[tokio::test]
async fn zeros_change_nothing_of_any_kind() {
    let server = TestServer::start(FLAGS).await;
    let admin = server.admin();
    let definitions = Definitions::of(&admin).await;
    let mut spelt_out = 0;
    for (collection, sent) in OBJECTS
        .iter()
        .map(|(path, text)| (*path, objects::parse(text)))
    {
        let made = admin.post(collection, &sent).await;
        assert_eq!(
            made.code,
            201,
            "{collection}: {}",
            String::from_utf8_lossy(&made.body)
        );
        let made = made.json();
        let text = |field: &str| made[field].as_str().unwrap();
        let definition = definitions.of_kind(text("apiVersion"), text("kind"));
        let path = format!(
            "{collection}/{}",
            made["metadata"]["name"].as_str().unwrap()
        );
        let (whole, zeros) = definitions.spelt_out(&made, &definition);
        spelt_out += zeros;
        let put = admin.ask(Method::PUT, &path, whole.to_string()).await;
        assert_unchanged(&format!("PUT {path}"), &put, &made);
        for form in ["merge-patch+json", "strategic-merge-patch+json"] {
            let answer = patch(&admin, form, &path, &whole).await;
            assert_unchanged(&format!("{form} {path}"), &answer, &made);
        }
    }
    assert!(spelt_out > 1000, "{spelt_out}");
}

/// Applying a configuration with zeros a second time changes nothing, whichever manager applied it first.
#[tokio::test]
async fn zeros_are_applied_once() {
    let server = TestServer::start(FLAGS).await;
    let admin = server.admin();
    let definitions = Definitions::of(&admin).await;
    for (collection, sent) in OBJECTS
        .iter()
        .map(|(path, text)| (*path, objects::parse(text)))
    {
        let made = admin.post(collection, &sent).await.json();
        let text = |field: &str| made[field].as_str().unwrap();
        let definition = definitions.of_kind(text("apiVersion"), text("kind"));
        let name = made["metadata"]["name"].as_str().unwrap();
        let path = format!("{collection}/{name}?fieldManager=tester&force=true");
        let (mut own, _) = definitions.spelt_out(&sent, &definition);
        own["apiVersion"] = made["apiVersion"].clone();
        own["kind"] = made["kind"].clone();
        own["metadata"] = json!({"name": name});
        let first = patch(&admin, "apply-patch+yaml", &path, &own).await;
        assert_eq!(
            first.code,
            200,
            "{path}: {}",
            String::from_utf8_lossy(&first.body)
        );
        let first = first.json();
        assert_eq!(
            first["metadata"]["generation"], made["metadata"]["generation"],
            "{path}"
        );
        let second = patch(&admin, "apply-patch+yaml", &path, &own).await;
        assert_unchanged(&path, &second, &first);
    }
}
