//! Printer columns (`k8s.io/apiextensions-apiserver/pkg/registry/customresource/tableconvertor`).

use jiff::Timestamp;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceColumnDefinition;
use serde_json::{Number, Value};

use crate::jsonpath::{JsonPath, ParseError};
use crate::value::number;

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Integer,
    Number,
    Boolean,
    Date,
}

/// A compiled column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    path: JsonPath,
    kind: Kind,
}

/// The value of a column for one object.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// There is no value, or it does not have the column's type.
    Null,
    /// A string.
    Text(String),
    /// An integer.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A boolean.
    Boolean(bool),
    /// A timestamp, shown as the time since then; `None` is shown as `<unknown>`.
    Age(Option<Timestamp>),
}

impl Column {
    /// Compiles a column.
    ///
    /// # Errors
    /// [`ParseError`] if the path is not a valid expression.
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

    /// The cell of an object: the first value at the column's path.
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

/// Formats a value as Go's templates do.
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
    reason = "saturating, as Go's conversion"
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
    fn cells_have_the_type_of_their_column() {
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
