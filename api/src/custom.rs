//! Objects of kinds that are defined while the server runs.

use std::any::Any;
use std::io;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};
use serde_json::ser::{Formatter, Serializer};
use serde_json::{Map, Value, json};

use crate::decode::{DecodeError, Decoded, decode};
use crate::encode::{TypeMeta, encode_part};
use crate::go_number::json_float;
use crate::object::Object;

/// An object of a custom kind: its metadata typed, the rest as JSON.
///
/// The rest is written unchanged: the definition's schema has been applied before, and `omitempty` is a rule
/// of Go types, which it does not have.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CustomObject {
    /// The version whose schema the object follows, such as `example.com/v1`.
    pub api_version: String,
    /// The metadata.
    pub metadata: ObjectMeta,
    /// All fields but `apiVersion`, `kind` and `metadata`.
    pub fields: Map<String, Value>,
}

#[derive(Default, Deserialize)]
struct Head {
    #[serde(default)]
    metadata: ObjectMeta,
}

impl CustomObject {
    /// Reads an object of a version.
    ///
    /// # Errors
    /// For a document that is not an object, or metadata of wrong types.
    pub fn read(api_version: &str, document: Value) -> Result<Decoded<Self>, DecodeError> {
        let Value::Object(mut fields) = document else {
            return Err(DecodeError::Value("the document is not an object".into()));
        };
        fields.remove("apiVersion");
        fields.remove("kind");
        let metadata = fields.remove("metadata").unwrap_or_default();
        let head = decode::<Head>(&json!({ "metadata": metadata }))?;
        Ok(head.map(|head| Self {
            api_version: api_version.to_owned(),
            metadata: head.metadata,
            fields,
        }))
    }

    /// Passes the fields to `change` as a document of their own, and takes them back.
    pub fn change_fields<T>(&mut self, change: impl FnOnce(&mut Value) -> T) -> T {
        let mut document = Value::Object(std::mem::take(&mut self.fields));
        let outcome = change(&mut document);
        if let Value::Object(fields) = document {
            self.fields = fields;
        }
        outcome
    }

    /// The metadata as JSON, without the nulls of Go's type.
    fn metadata_value(&self) -> Value {
        let read = serde_json::from_slice(&encode_part(&self.metadata));
        let mut metadata: Map<String, Value> = read.unwrap_or_default();
        metadata.retain(|_, value| !value.is_null());
        Value::Object(metadata)
    }

    /// The object as JSON, in the form that schemas apply to.
    pub fn document(&self, kind: &str) -> Value {
        Object::to_value(
            self,
            TypeMeta {
                api_version: &self.api_version,
                kind,
            },
        )
    }
}

/// Writes JSON with numbers as Go writes them: `2.0` as `2`, so that the next reader has an integer, and an
/// integer beyond `int64` as a floating-point number.
struct GoNumbers;

impl Formatter for GoNumbers {
    fn write_f64<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(json_float(value).as_bytes())
    }

    fn write_u64<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: u64) -> io::Result<()> {
        match i64::try_from(value) {
            Ok(value) => self.write_i64(writer, value),
            #[allow(clippy::cast_precision_loss, reason = "Go reads it as a float64")]
            Err(_) => self.write_f64(writer, value as f64),
        }
    }
}

fn write_json(value: &Value, out: &mut Vec<u8>) {
    // JSON values always serialize, and writing to memory succeeds
    let _ = value.serialize(&mut Serializer::with_formatter(out, GoNumbers));
}

impl Object for CustomObject {
    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }

    fn encode(&self, type_meta: TypeMeta<'_>) -> Vec<u8> {
        let mut out = type_meta.prefix().into_bytes();
        // the prefix ends inside the metadata
        let metadata = match self.metadata.creation_timestamp {
            Some(_) => encode_part(&self.metadata),
            // Go's type would write null
            None => self.metadata_value().to_string().into_bytes(),
        };
        out.extend_from_slice(metadata.get(1..).unwrap_or(b"}"));
        for (name, value) in &self.fields {
            out.push(b',');
            write_json(&Value::from(name.as_str()), &mut out);
            out.push(b':');
            write_json(value, &mut out);
        }
        out.push(b'}');
        out
    }

    /// With numbers as they were sent: upstream validates those, so that a set may have `1` and `1.0` until it
    /// is stored.
    fn to_value(&self, type_meta: TypeMeta<'_>) -> Value {
        let mut fields = self.fields.clone();
        fields.insert("metadata".into(), self.metadata_value());
        fields.insert("kind".into(), type_meta.kind.into());
        fields.insert("apiVersion".into(), type_meta.api_version.into());
        Value::Object(fields)
    }

    fn boxed_clone(&self) -> Box<dyn Object> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: TypeMeta<'_> = TypeMeta {
        api_version: "example.com/v1",
        kind: "Widget",
    };

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        let document = r#"{"a": [2.0, 1e3, 2.5, -1e-7, 0.00001, 1e20, 1e21, 18446744073709551615, 9007199254740993, -0.0, 1e19]}"#;
        let document = serde_json::from_str(document).unwrap();
        let read = CustomObject::read("example.com/v1", document).unwrap();
        let text = String::from_utf8(read.value.encode(TYPE)).unwrap();
        let numbers = "[2,1000,2.5,-1e-7,0.00001,100000000000000000000,1e+21,18446744073709552000,9007199254740993,0,10000000000000000000]";
        assert!(text.ends_with(&format!(r#""a":{numbers}}}"#)), "{text}");
    }

    #[test]
    fn objects_round_trip() {
        let document = json!({"apiVersion": "example.com/v1", "kind": "Widget",
            "metadata": {"name": "a", "labels": {"x": "y"}},
            "spec": {"zero": 0, "empty": [], "none": null, "odd \"key\"": [{}]}, "x": false});
        let read = CustomObject::read("example.com/v1", document.clone()).unwrap();
        assert!(read.unknown_fields.is_empty());
        let object = read.value;
        assert_eq!(Object::to_value(&object, TYPE), document);
        let bytes = object.encode(TYPE);
        assert!(bytes.starts_with(TYPE.prefix().as_bytes()));
        let again: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(again, document);
        let bare = CustomObject::default().encode(TYPE);
        let bare: Value = serde_json::from_slice(&bare).unwrap();
        assert_eq!(
            bare,
            json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {}})
        );
    }

    #[test]
    fn metadata_are_typed() {
        let read = |metadata: Value| CustomObject::read("v1", json!({ "metadata": metadata }));
        let unknown = read(json!({"name": "a", "odd": 1})).unwrap();
        assert_eq!(unknown.unknown_fields, ["metadata.odd"]);
        assert!(read(json!({"labels": {"a": 1}})).is_err());
        assert!(CustomObject::read("v1", json!([])).is_err());
    }
}
