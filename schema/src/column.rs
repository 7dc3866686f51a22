//! Printer columns (`k8s.io/apiextensions-apiserver/pkg/registry/customresource/tableconvertor`).

use jiff::Timestamp;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceColumnDefinition;
use serde_json::{Number, Value};

use crate::jsonpath::{JsonPath, ParseError};
use crate::value::number;

/// How a column shows what it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Integer,
    Number,
    Boolean,
    Date,
}

/// A column, ready to be filled.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    path: JsonPath,
    kind: Kind,
}

/// What stands in a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing, or nothing of the column's type.
    Null,
    /// A text.
    Text(String),
    /// An integer.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A boolean.
    Boolean(bool),
    /// A moment, shown as the time since then; none is shown as `<unknown>`.
    Age(Option<Timestamp>),
}

impl Column {
    /// Makes a column of its definition.
    ///
    /// # Errors
    /// [`ParseError`] if the path is no expression.
    pub fn new(definition: &CustomResourceColumnDefinition) -> Result<Self, ParseError> {
        let kind = match definition.type_.as_str() {
            "integer" => Kind::Integer,
            "number" => Kind::Number,
            "boolean" => Kind::Boolean,
            "date" => Kind::Date,
            _ => Kind::Text,
        };
        Ok(Self {
            path: JsonPath::parse(&definition.json_path)?,
            kind,
        })
    }

    /// What the column shows of an object: the first that its path finds.
    pub fn cell(&self, object: &Value) -> Cell {
        let Some(value) = self.path.find(object).into_iter().next() else {
            return Cell::Null;
        };
        match (self.kind, value) {
            (Kind::Text, value) => Cell::Text(text(value)),
            (Kind::Integer, Value::Number(number)) => Cell::Integer(integer(number)),
            (Kind::Number, Value::Number(number)) => {
                number.as_f64().map_or(Cell::Null, Cell::Number)
            }
            (Kind::Boolean, Value::Bool(value)) => Cell::Boolean(*value),
            (Kind::Date, Value::String(text)) => age(text),
            _ => Cell::Null,
        }
    }
}

/// A value as Go's templates print it.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "<no value>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(n) => number(n),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "Go's conversion, saturating"
)]
fn integer(number: &Number) -> i64 {
    number
        .as_i64()
        .unwrap_or_else(|| number.as_f64().unwrap_or_default() as i64)
}

fn age(text: &str) -> Cell {
    match text {
        "" | "null" => Cell::Age(None),
        _ => text.parse().map_or_else(
            |_| Cell::Text("<invalid>".to_owned()),
            |at| Cell::Age(Some(at)),
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_decide_what_is_shown() {
        let text = |t: &str| Cell::Text(t.to_owned());
        for (kind, value, cell) in [
            ("string", json!("x"), text("x")),
            ("string", json!(2.5), text("2.5")),
            ("string", json!(true), text("true")),
            ("string", json!({"a": [1]}), text(r#"{"a":[1]}"#)),
            ("string", json!(null), text("<no value>")),
            ("integer", json!(2.5), Cell::Integer(2)),
            ("integer", json!("2"), Cell::Null),
            ("number", json!(2), Cell::Number(2.0)),
            ("boolean", json!("true"), Cell::Null),
            ("boolean", json!(false), Cell::Boolean(false)),
            ("date", json!("soon"), text("<invalid>")),
            (
                "date",
                json!("1970-01-01T00:00:00Z"),
                Cell::Age(Some(Timestamp::UNIX_EPOCH)),
            ),
            ("date", json!(5), Cell::Null),
        ] {
            let definition = CustomResourceColumnDefinition {
                name: "X".into(),
                type_: kind.into(),
                json_path: ".x".into(),
                ..Default::default()
            };
            let column = Column::new(&definition).unwrap();
            assert_eq!(column.cell(&json!({"x": value})), cell, "{kind} {value}");
            assert_eq!(column.cell(&json!({})), Cell::Null);
        }
    }
}
