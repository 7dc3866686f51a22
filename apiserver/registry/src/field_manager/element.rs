//! A step from a value to one inside it.

use std::cmp::Ordering;
use std::fmt;

use portcullis_api::field_error::go_quote;
use portcullis_api::go_number;
use serde_json::{Map, Number, Value};
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
            (Value::Number(a), Value::Number(b)) => compare_numbers(a, b),
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

/// Compares numbers as what they are exactly. By their nearest floats alone, as upstream compares an integer with a
/// float, two different integers could both be equal to a third number, and sorting needs an order.
fn compare_numbers(a: &Number, b: &Number) -> Ordering {
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(a), None) => compare_with_float(a, float(b)),
        (None, Some(b)) => compare_with_float(b, float(a)).reverse(),
        (None, None) => float(a).total_cmp(&float(b)),
    }
}

/// A number that is not an integer of 64 bits. Zero has no sign here.
fn float(number: &Number) -> f64 {
    number.as_f64().unwrap_or_default() + 0.0
}

fn compare_with_float(integer: i128, float: f64) -> Ordering {
    // what is out of range becomes the nearest limit, which no integer of a document reaches
    let whole = float.trunc() as i128;
    let rest = float.fract() + 0.0;
    integer.cmp(&whole).then_with(|| 0.0_f64.total_cmp(&rest))
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
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Numbers that are close to each other where floats have gaps.
    fn numbers() -> impl Strategy<Value = Scalar> {
        let base = prop_oneof![
            Just(0_i64),
            Just(1 << 53),
            Just(1 << 62),
            Just(i64::MIN + 600)
        ];
        let integer = (base, -600..600_i64).prop_map(|(base, more)| json!(base + more));
        let float = prop_oneof![
            Just(0.0_f64),
            Just(-0.0),
            Just(9_007_199_254_740_992.0),
            Just(4_611_686_018_427_387_904.0),
            Just(18_446_744_073_709_551_616.0),
            Just(1e300),
            Just(-1e300),
            -600.0..600.0_f64
        ];
        let halves = (-8..8_i32).prop_map(|n| json!(f64::from(n) / 2.0));
        prop_oneof![
            integer,
            float.prop_map(|float| json!(float)),
            halves,
            (0..600_u64).prop_map(|less| json!(u64::MAX - less)),
        ]
        .prop_map(Scalar)
    }

    proptest! {
        /// Sorting may panic otherwise.
        #[test]
        fn the_order_is_total(a in numbers(), b in numbers(), c in numbers()) {
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            prop_assert_eq!(a.cmp(&a), Ordering::Equal);
            if a <= b && b <= c {
                prop_assert!(a <= c, "{} {} {}", a, b, c);
                prop_assert!(a != c || (a == b && b == c), "{} {} {}", a, b, c);
            }
        }
    }

    #[test]
    fn integers_and_floats_are_compared_by_value() {
        let scalar = |value| Scalar(value);
        assert_eq!(scalar(json!(2)), scalar(json!(2.0)));
        assert_eq!(scalar(json!(0)), scalar(json!(-0.0)));
        assert!(scalar(json!(-3)) < scalar(json!(-2.5)) && scalar(json!(-2.5)) < scalar(json!(-2)));
        let between = scalar(json!(4_611_686_018_427_387_904.0));
        assert_eq!(between, scalar(json!(1_i64 << 62)));
        assert!(scalar(json!((1_i64 << 62) + 1)) > between);
    }

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
