//! Large documents, written piece by piece: only the text exists as a whole.

use serde_json::{Value, json};

/// A JSON object under construction.
pub(super) struct Object(String);

impl Object {
    pub(super) fn new() -> Self {
        Self("{".to_owned())
    }

    /// Adds a member.
    pub(super) fn with(mut self, name: &str, value: &Value) -> Self {
        self.name(name);
        self.0.push_str(&value.to_string());
        self
    }

    /// Adds an object whose members are made, written and dropped one after the other.
    pub(super) fn with_each(
        mut self,
        name: &str,
        members: impl Iterator<Item = (String, Value)>,
    ) -> Self {
        self.name(name);
        self.0.push_str(&Self::new().with_all(members).finish());
        self
    }

    /// Adds members.
    pub(super) fn with_all(self, members: impl Iterator<Item = (String, Value)>) -> Self {
        members.fold(self, |object, (name, value)| object.with(&name, &value))
    }

    /// The position for a further member in the last member, which must be an object.
    pub(super) const fn inside(&self) -> usize {
        self.0.len().saturating_sub(1)
    }

    /// The members alone, to be inserted into another object.
    pub(super) fn members(mut self) -> String {
        self.0.remove(0);
        self.0
    }

    /// The object's text.
    pub(super) fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn name(&mut self, name: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&Value::from(name).to_string());
        self.0.push(':');
    }
}

/// The `info` of every document.
pub(super) fn info(version: &str) -> Value {
    json!({"title": "Kubernetes", "version": version})
}

/// The authentication, as far as OpenAPI can express it.
pub(super) fn security() -> Value {
    json!({"BearerToken": {"description": "Bearer Token authentication", "type": "apiKey",
        "name": "authorization", "in": "header"}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_valid_json() {
        let members = [("a\"b".to_owned(), json!([1])), ("c".to_owned(), json!({}))];
        let text = Object::new()
            .with("first", &json!("x"))
            .with_each("inner", members.into_iter())
            .with_each("none", std::iter::empty())
            .finish();
        assert_eq!(
            serde_json::from_str::<Value>(&text).unwrap(),
            json!({"first": "x", "inner": {"a\"b": [1], "c": {}}, "none": {}})
        );
    }
}
