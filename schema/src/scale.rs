//! The scale subresource: the paths of an object's replicas and their selector.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceSubresourceScale;
use portcullis_api::field_error::BadValue;
use portcullis_api::go_text::go_value;
use portcullis_api::{ErrorList, FieldError, Path};
use serde_json::{Map, Value};

use crate::value::{bad_value, number};

/// A path of names, such as `.spec.replicas`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimplePath(Vec<Box<str>>);

/// The value at a path has the wrong type.
#[derive(Clone, Debug, PartialEq)]
pub struct WrongType {
    found: Value,
    detail: String,
}

impl SimplePath {
    /// Parses a path; the leading dot is optional.
    pub fn parse(text: &str) -> Self {
        let text = text.strip_prefix('.').unwrap_or(text);
        Self(text.split('.').map(Into::into).collect())
    }

    /// The names, starting with the outermost.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|name| &**name)
    }

    /// The value at the path.
    ///
    /// # Errors
    /// [`WrongType`] if a value on the path is not an object.
    pub fn get<'v>(&self, object: &'v Value) -> Result<Option<&'v Value>, WrongType> {
        let mut at = object;
        for (i, name) in self.0.iter().enumerate() {
            let fields = match at {
                Value::Null => return Ok(None),
                Value::Object(fields) => fields,
                Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                    let way: String = self.0[..=i].iter().map(|n| format!(".{n}")).collect();
                    return Err(wrong(at, &way, "map[string]interface{}"));
                }
            };
            match fields.get(&**name) {
                Some(value) => at = value,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    /// The integer at the path.
    ///
    /// # Errors
    /// [`WrongType`] if the value has another type.
    pub fn integer(&self, object: &Value) -> Result<Option<i64>, WrongType> {
        let Some(value) = self.get(object)? else {
            return Ok(None);
        };
        match value.as_i64() {
            Some(integer) => Ok(Some(integer)),
            None => Err(wrong(value, &self.dotted(), "int64")),
        }
    }

    /// The string at the path.
    ///
    /// # Errors
    /// [`WrongType`] if the value has another type.
    pub fn text<'v>(&self, object: &'v Value) -> Result<Option<&'v str>, WrongType> {
        let Some(value) = self.get(object)? else {
            return Ok(None);
        };
        match value.as_str() {
            Some(text) => Ok(Some(text)),
            None => Err(wrong(value, &self.dotted(), "string")),
        }
    }

    /// Sets the value at the path, and creates missing objects on it.
    ///
    /// # Errors
    /// [`WrongType`] if a value on the path is not an object.
    pub fn set(&self, object: &mut Value, value: Value) -> Result<(), WrongType> {
        self.get(object)?;
        let mut at = object;
        for name in &self.0 {
            if !at.is_object() {
                *at = Value::Object(Map::new());
            }
            let Value::Object(fields) = at else {
                return Ok(());
            };
            at = fields.entry(&**name).or_insert(Value::Null);
        }
        *at = value;
        Ok(())
    }

    fn dotted(&self) -> String {
        self.0.iter().map(|name| format!(".{name}")).collect()
    }
}

/// The error that a value at a path has another type.
fn wrong(found: &Value, at: &str, wanted: &str) -> WrongType {
    let text = match found {
        Value::Number(v) => number(v),
        other => go_value(other),
    };
    let kind = match found {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(v) if v.as_i64().is_some() => "int64",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    };
    WrongType {
        found: found.clone(),
        detail: format!("{at} accessor error: {text} is of the type {kind}, expected {wanted}"),
    }
}

/// Checks the replicas and the selector of an object; for the status subresource, only those of the
/// status.
pub fn validate_scale(
    scale: &CustomResourceSubresourceScale,
    object: &Value,
    status_only: bool,
) -> ErrorList {
    let mut errors = Vec::new();
    let replicas = [&scale.spec_replicas_path, &scale.status_replicas_path];
    for path in replicas.into_iter().skip(usize::from(status_only)) {
        let at = Path::new(path);
        match SimplePath::parse(path).integer(object) {
            Err(wrong) => errors.push(invalid(&at, 0.into(), wrong)),
            Ok(Some(n)) if n < 0 => {
                errors.push(FieldError::invalid(
                    &at,
                    n,
                    "should be a non-negative integer",
                ));
            }
            Ok(Some(n)) if n > i64::from(i32::MAX) => {
                let detail = format!("should be less than or equal to {}", i32::MAX);
                errors.push(FieldError::invalid(&at, n, detail));
            }
            Ok(_) => {}
        }
    }
    let selector = scale
        .label_selector_path
        .as_deref()
        .filter(|path| !path.is_empty());
    if let Some(path) = selector
        && let Err(wrong) = SimplePath::parse(path).text(object)
    {
        errors.push(invalid(&Path::new(path), bad_value(&wrong.found), wrong));
    }
    errors
}

fn invalid(path: &Path, value: BadValue, wrong: WrongType) -> FieldError {
    FieldError::invalid(path, value, wrong.detail)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_read_and_set_at_paths() {
        let path = SimplePath::parse(".spec.replicas");
        let mut object = json!({"kind": "K"});
        assert_eq!(path.integer(&object), Ok(None));
        path.set(&mut object, json!(3)).unwrap();
        assert_eq!(object, json!({"kind": "K", "spec": {"replicas": 3}}));
        assert_eq!(path.integer(&object), Ok(Some(3)));
        assert!(path.set(&mut json!({"spec": 1}), json!(3)).is_err());
        assert_eq!(path.text(&object).unwrap_err().found, json!(3));
    }

    #[test]
    fn replicas_must_be_in_range() {
        let scale = CustomResourceSubresourceScale {
            spec_replicas_path: ".spec.n".into(),
            status_replicas_path: ".status.n".into(),
            label_selector_path: Some(".status.s".into()),
        };
        for (object, errors) in [
            (json!({}), vec![]),
            (
                json!({"spec": {"n": -2}}),
                vec![".spec.n: Invalid value: -2: should be a non-negative integer"],
            ),
            (
                json!({"spec": [1, "a"], "status": null}),
                vec![
                    ".spec.n: Invalid value: 0: .spec.n accessor error: [1 a] is of the type []interface {}, expected map[string]interface{}",
                ],
            ),
            (
                json!({"status": {"n": 2_147_483_648_i64, "s": 3}}),
                vec![
                    ".status.n: Invalid value: 2147483648: should be less than or equal to 2147483647",
                    ".status.s: Invalid value: 3: .status.s accessor error: 3 is of the type int64, expected string",
                ],
            ),
        ] {
            let found = validate_scale(&scale, &object, false);
            assert_eq!(
                found.iter().map(ToString::to_string).collect::<Vec<_>>(),
                errors
            );
        }
        assert!(validate_scale(&scale, &json!({"spec": {"n": -2}}), true).is_empty());
    }
}
