//! A step from a value to one inside it.

use std::cmp::Ordering;
use std::fmt;

use portcullis_api::field_error::go_quote;
use portcullis_api::go_number;
use serde_json::{Map, Value};
use smol_str::SmolStr;

/// One step of a path (upstream: `fieldpath.PathElement`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    /// To a field of a struct, or an entry of a map.
    Field(SmolStr),
    /// To the item of a list with these fields, which are sorted by name.
    Key(Vec<(SmolStr, Scalar)>),
    /// To the item of a set with this value.
    Value(Scalar),
    /// To an item by its index.
    Index(i64),
}

impl Element {
    /// Parses a key of `fieldsV1`; `None` for an unknown type of key.
    ///
    /// # Errors
    /// [`Malformed`] for keys without a type, or with an invalid rest.
    pub fn parse(text: &str) -> Result<Option<Self>, Malformed> {
        let Some((tag, rest)) = text.split_once(':') else {
            return Err(Malformed);
        };
        Ok(Some(match tag {
            "f" => Self::Field(rest.into()),
            "v" => Self::Value(Scalar(serde_json::from_str(rest).map_err(|_| Malformed)?)),
            "i" => Self::Index(rest.parse().map_err(|_| Malformed)?),
            "k" => {
                let fields: Map<String, Value> =
                    serde_json::from_str(rest).map_err(|_| Malformed)?;
                Self::Key(
                    fields
                        .into_iter()
                        .map(|(k, v)| (k.into(), Scalar(v)))
                        .collect(),
                )
            }
            _ => return Ok(None),
        }))
    }

    /// Appends the key of `fieldsV1`.
    pub fn write_key(&self, key: &mut String) {
        match self {
            Self::Field(name) => {
                key.push_str("f:");
                key.push_str(name);
            }
            Self::Value(value) => {
                key.push_str("v:");
                value.write_json(key);
            }
            Self::Index(index) => {
                key.push_str("i:");
                key.push_str(&index.to_string());
            }
            Self::Key(fields) => {
                key.push_str("k:{");
                for (at, (name, value)) in fields.iter().enumerate() {
                    if at > 0 {
                        key.push(',');
                    }
                    write_json_string(name, key);
                    key.push(':');
                    value.write_json(key);
                }
                key.push('}');
            }
        }
    }
}

impl Scalar {
    /// Appends the value as Go writes it, so that it is the same after it has been stored.
    pub(super) fn write_json(&self, out: &mut String) {
        match &self.0 {
            Value::Number(number) => out.push_str(&go_number::json(number)),
            Value::String(text) => write_json_string(text, out),
            other => out.push_str(&other.to_string()),
        }
    }
}

/// Appends a JSON string. Hardly any needs an escape.
fn write_json_string(text: &str, out: &mut String) {
    let needs_escape = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
    if text.bytes().any(needs_escape) {
        return out.push_str(&serde_json::Value::from(text).to_string());
    }
    out.push('"');
    out.push_str(text);
    out.push('"');
}

/// The form in error texts.
impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Value(value) => write!(f, "[={value}]"),
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Key(fields) => {
                f.write_str("[")?;
                for (at, (name, value)) in fields.iter().enumerate() {
                    let comma = if at > 0 { "," } else { "" };
                    write!(f, "{comma}{name}={value}")?;
                }
                f.write_str("]")
            }
        }
    }
}

/// Invalid `fieldsV1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// A value that distinguishes items of a list; ordered, so that it can be in sets.
#[derive(Clone, Debug)]
pub struct Scalar(pub Value);

impl Scalar {
    /// Upstream's order of types (`value.Compare`).
    fn rank(&self) -> u8 {
        match self.0 {
            Value::Number(_) => 0,
            Value::String(_) => 1,
            Value::Bool(_) => 2,
            Value::Array(_) => 3,
            Value::Object(_) => 4,
            Value::Null => 5,
        }
    }
}

impl Ord for Scalar {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Value::String(a), Value::String(b)) => a.cmp(b),
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
                (Some(a), Some(b)) => a.cmp(&b),
                _ => a
                    .as_f64()
                    .unwrap_or_default()
                    .total_cmp(&b.as_f64().unwrap_or_default()),
            },
            (a, b) => (self.rank().cmp(&other.rank())).then_with(|| {
                if a == b {
                    Ordering::Equal
                } else {
                    a.to_string().cmp(&b.to_string())
                }
            }),
        }
    }
}

impl PartialOrd for Scalar {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Scalar {}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Value::String(text) => f.write_str(&go_quote(text)),
            other => write!(f, "{other}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(element: &Element) -> String {
        let mut key = String::new();
        element.write_key(&mut key);
        key
    }

    #[test]
    fn keys_are_read_and_written_alike() {
        for text in [
            "f:name",
            "f:a.b/c:d",
            r#"k:{"containerPort":80,"protocol":"TCP"}"#,
            r#"v:"kubernetes.io/pvc-protection""#,
            "v:2.5",
            "v:7",
            "i:3",
        ] {
            let element = Element::parse(text).unwrap().unwrap();
            assert_eq!(key(&element), text);
        }
        let whole = Element::parse(r#"k:{"a":2.0}"#).unwrap().unwrap();
        assert_eq!(key(&whole), r#"k:{"a":2}"#);
    }

    #[test]
    fn unknown_types_are_ignored_and_malformed_keys_rejected() {
        assert_eq!(Element::parse("z:1"), Ok(None));
        for text in ["", "name", "v:{", "k:1", "i:x"] {
            assert_eq!(Element::parse(text), Err(Malformed), "{text}");
        }
    }

    #[test]
    fn texts_are_upstreams() {
        let text = |key| Element::parse(key).unwrap().unwrap().to_string();
        assert_eq!(text("f:spec"), ".spec");
        assert_eq!(
            text(r#"k:{"protocol":"TCP","port":81}"#),
            r#"[port=81,protocol="TCP"]"#
        );
        assert_eq!(text(r#"v:"x""#), r#"[="x"]"#);
        assert_eq!(text("i:0"), "[0]");
    }
}
