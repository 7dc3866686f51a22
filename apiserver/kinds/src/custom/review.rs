//! Conversion reviews: the requests to conversion webhooks, and their responses.
//!
//! Upstream: `k8s.io/apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go`.

mod invalid;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::WebhookConversion;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::{ErrorList, Path};
use serde_json::{Map, Value, json};

use self::invalid::{Invalid, decode};
use crate::validation::labels::validate_labels;
use crate::validation::object_meta::validate_annotations;

const GROUP: &str = "apiextensions.k8s.io";
/// The version whose responses are checked.
const CHECKED: &str = "v1";

/// How a conversion failed (upstream: `ConversionWebhookErrorType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConversionFault {
    /// The webhook did not respond.
    Call,
    /// The response cannot be read, is one to another request, or says that the webhook failed.
    MalformedResponse,
    /// The response has more or fewer objects than the request.
    PartialResponse,
    /// A converted object is not accepted.
    InvalidObject,
}

impl ConversionFault {
    /// The fault as a label of metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "conversion_webhook_call_failure",
            Self::MalformedResponse => "conversion_webhook_malformed_response_failure",
            Self::PartialResponse => "conversion_webhook_partial_response_failure",
            Self::InvalidObject => "conversion_webhook_invalid_converted_object_failure",
        }
    }
}

/// A response that is not accepted, and why, with upstream's text.
pub type Rejected = (ConversionFault, String);

/// A request to a conversion webhook: these objects in another version.
#[derive(Debug)]
pub struct Review<'a> {
    /// Identifies the request in the response.
    pub uid: &'a str,
    /// The version of the review: `v1` or `v1beta1`.
    version: &'a str,
    /// The requested `apiVersion` of the objects.
    desired: &'a str,
    objects: &'a [Value],
}

impl<'a> Review<'a> {
    /// The request, in the first version of reviews that both the webhook and this server support.
    ///
    /// # Errors
    /// If there is no such version.
    pub fn new(
        webhook: &'a WebhookConversion,
        uid: &'a str,
        desired: &'a str,
        objects: &'a [Value],
    ) -> Result<Self, String> {
        let mut versions = webhook.conversion_review_versions.iter();
        let version = versions.find(|v| matches!(v.as_str(), "v1" | "v1beta1"));
        let version = version.ok_or("no supported conversion review versions")?;
        Ok(Self {
            uid,
            version,
            desired,
            objects,
        })
    }

    /// The body of the request.
    pub fn body(&self) -> Vec<u8> {
        let review = json!({
            "kind": "ConversionReview",
            "apiVersion": format!("{GROUP}/{}", self.version),
            "request": {
                "uid": self.uid,
                "desiredAPIVersion": self.desired,
                "objects": self.objects,
            },
        });
        review.to_string().into_bytes()
    }

    /// An error with the name of the webhook, which is the kind of the objects.
    pub fn error(&self, why: &str) -> String {
        let kind = self.objects.first().map(kind_of).unwrap_or_default();
        format!("conversion webhook for {kind} {why}")
    }

    /// The objects of a response, in the order of the request. Of their metadata only labels and annotations
    /// may differ; the rest is restored.
    ///
    /// # Errors
    /// [`Rejected`].
    pub fn converted(&self, answer: &[u8]) -> Result<Vec<Value>, Rejected> {
        let malformed = |why| {
            let why = self.error(&format!("failed: {why}"));
            (ConversionFault::MalformedResponse, why)
        };
        let mut objects = self.objects_of(answer).map_err(malformed)?;
        let (got, expected) = (objects.len(), self.objects.len());
        if got != expected {
            let why = self.error(&format!("returned {got} objects, expected {expected}"));
            return Err((ConversionFault::PartialResponse, why));
        }
        for (at, (original, converted)) in self.objects.iter().zip(&mut objects).enumerate() {
            let invalid = |found: Invalid| {
                let why = match expected {
                    1 => found.alone(self),
                    _ => found.among(self, at),
                };
                (ConversionFault::InvalidObject, why)
            };
            self.check(original, converted).map_err(invalid)?;
            restore_metadata(original, converted).map_err(|why| invalid(Invalid::Metadata(why)))?;
        }
        Ok(objects)
    }

    fn objects_of(&self, answer: &[u8]) -> Result<Vec<Value>, String> {
        let mut answer: Value = serde_json::from_slice(answer).map_err(|why| why.to_string())?;
        if self.version == CHECKED {
            let (got_group, got_version) = split(text(&answer, "apiVersion"));
            let got = (got_group, got_version, text(&answer, "kind"));
            if got != (GROUP, CHECKED, "ConversionReview") {
                return Err(format!(
                    "expected webhook response of {GROUP}/{CHECKED}, Kind=ConversionReview, got {}",
                    kind_of(&answer)
                ));
            }
        }
        let response = answer.get_mut("response").filter(|r| r.is_object());
        let response = response.ok_or("no response provided")?;
        let uid = text(response, "uid");
        if self.version == CHECKED && uid != self.uid {
            let expected = self.uid;
            return Err(format!("expected response.uid={expected:?}, got {uid:?}"));
        }
        let result = response.get("result");
        let said = |field| result.map_or("", |result| text(result, field));
        match (said("status"), said("message")) {
            ("Success", _) => {}
            (status, "") => {
                return Err(format!(
                    "response.result.status was '{status}', not 'Success'"
                ));
            }
            (_, message) => return Err(message.to_owned()),
        }
        match response.get_mut("convertedObjects").map(Value::take) {
            Some(Value::Array(objects)) => Ok(objects),
            _ => Ok(Vec::new()),
        }
    }

    /// Checks that an object is the original in the requested version.
    fn check(&self, original: &Value, converted: &Value) -> Result<(), Invalid> {
        decode(converted).map_err(Invalid::Document)?;
        let (version, kind) = (text(converted, "apiVersion"), text(converted, "kind"));
        if version != self.desired {
            let expected = self.desired;
            return Err(Invalid::Type(format!(
                "invalid groupVersion (expected {expected}, received {version})"
            )));
        }
        let expected = text(original, "kind");
        if kind != expected {
            return Err(Invalid::Type(format!(
                "invalid kind (expected {expected}, received {kind})"
            )));
        }
        let metadata = |object: &Value, field| {
            let metadata = object.get("metadata");
            metadata.map_or(String::new(), |m| text(m, field).to_owned())
        };
        let same = [("name", "name"), ("namespace", "namespace"), ("uid", "UID")];
        for (field, shown) in same {
            let (was, is) = (metadata(original, field), metadata(converted, field));
            if was != is {
                return Err(Invalid::Identity(format!(
                    "must have the same {shown}: {was} != {is}"
                )));
            }
        }
        Ok(())
    }
}

/// An object's kind in Go's notation of a `GroupVersionKind`.
pub fn kind_of(object: &Value) -> String {
    let (version, kind) = (text(object, "apiVersion"), text(object, "kind"));
    match split(version) {
        ("", version) => format!("/{version}, Kind={kind}"),
        (group, version) => format!("{group}/{version}, Kind={kind}"),
    }
}

fn split(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// Restores the metadata of a converted object, except labels and annotations.
fn restore_metadata(original: &Value, converted: &mut Value) -> Result<(), String> {
    let returned = converted.get_mut("metadata").map(Value::take);
    let returned = match returned {
        None => return Err("missing metadata in converted object".to_owned()),
        Some(Value::Object(fields)) => fields,
        Some(other) => {
            let kind = go_type(&other);
            return Err(format!(
                "invalid metadata of type {kind} in converted object"
            ));
        }
    };
    let was = original.get("metadata").and_then(Value::as_object);
    let mut metadata = was.cloned().unwrap_or_default();
    for field in ["labels", "annotations"] {
        match returned.get(field) {
            None | Some(Value::Null) => {
                metadata.remove(field);
            }
            Some(value) => {
                check_texts(field, value, metadata.get(field))?;
                metadata.insert(field.to_owned(), value.clone());
            }
        }
    }
    if let Some(place) = converted.get_mut("metadata") {
        *place = Value::Object(metadata);
    }
    Ok(())
}

/// Changed labels and annotations must be valid.
fn check_texts(field: &str, value: &Value, was: Option<&Value>) -> Result<(), String> {
    let Some(texts) = value.as_object() else {
        let kind = go_type(value);
        return Err(format!(
            "invalid metadata.{field} of type {kind} in converted object"
        ));
    };
    if let Some((key, value)) = texts.iter().find(|(_, value)| !value.is_string()) {
        let kind = go_type(value);
        return Err(format!(
            "metadata.{field}[{key}] must be a string, but is {kind} in converted object"
        ));
    }
    if was == Some(value) {
        return Ok(());
    }
    let errors = errors_of(field, texts);
    match errors.is_empty() {
        true => Ok(()),
        false => Err(portcullis_api::field_error::aggregate(&errors)),
    }
}

fn errors_of(field: &str, texts: &Map<String, Value>) -> ErrorList {
    let texts = texts.iter();
    let texts = texts.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().into()));
    let texts = Some(texts.collect());
    let path = Path::new("metadata").child(field);
    let mut errors = ErrorList::new();
    match field {
        "labels" => validate_labels(texts.as_ref(), &path, &mut errors),
        _ => {
            let meta = ObjectMeta {
                annotations: texts,
                ..ObjectMeta::default()
            };
            validate_annotations(&meta, &path, &mut errors);
        }
    }
    errors
}

/// Go's name for the type of a JSON value.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

#[cfg(test)]
mod tests;
