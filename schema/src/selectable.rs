//! Selectable fields of custom resources, for field selectors.

use serde_json::Value;

use crate::jsonpath::{JsonPath, ParseError};
use crate::value::number;

/// A field by which objects can be selected.
#[derive(Clone, Debug, PartialEq)]
pub struct SelectableField {
    name: Box<str>,
    path: JsonPath,
}

impl SelectableField {
    /// Compiles a selectable field.
    ///
    /// # Errors
    /// [`ParseError`] if the path is not a valid expression.
    pub fn new(json_path: &str) -> Result<Self, ParseError> {
        Ok(Self {
            name: json_path.strip_prefix('.').unwrap_or(json_path).into(),
            path: JsonPath::parse(json_path)?,
        })
    }

    /// The name of the field in selectors.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value in an object; empty if the field is missing.
    pub fn value(&self, object: &Value) -> String {
        match self.path.find(object).first() {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(n)) => number(n),
            Some(other) => other.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_formatted_as_text() {
        let field = SelectableField::new(".spec.color").unwrap();
        assert_eq!(field.name(), "spec.color");
        for (value, text) in [
            (json!("red"), "red"),
            (json!(3), "3"),
            (json!(true), "true"),
            (json!(null), ""),
        ] {
            assert_eq!(field.value(&json!({"spec": {"color": value}})), text);
        }
        assert_eq!(field.value(&json!({})), "");
    }
}
