//! Errors of the fields of an object: field path, kind of error, invalid value.
//!
//! Messages are those of upstream's `k8s.io/apimachinery/pkg/util/validation/field/errors.go`.

mod path;

use std::collections::HashSet;
use std::fmt::{self, Write as _};

pub use self::path::Path;

/// The kinds of error, each with the reason that a `Status` cause has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorKind {
    /// Refers to something that does not exist.
    NotFound,
    /// Must be set but is missing.
    Required,
    /// Must be unique but is not.
    Duplicate,
    /// Is malformed or out of range.
    Invalid,
    /// Is not one of the supported values.
    NotSupported,
    /// Is well-formed, but not allowed here.
    Forbidden,
    /// Has too many characters.
    TooLong,
    /// Has too many elements.
    TooMany,
    /// Could not be checked, because of a failure of the server.
    Internal,
}

impl ErrorKind {
    /// The machine-readable reason in `details.causes[].reason`.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotFound => "FieldValueNotFound",
            Self::Required => "FieldValueRequired",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::Internal => "InternalError",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::NotFound => "Not found",
            Self::Required => "Required value",
            Self::Duplicate => "Duplicate value",
            Self::Invalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Forbidden => "Forbidden",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
            Self::Internal => "Internal error",
        }
    }
}

/// A value as Go's `%v`, `%q` or `%#v` formats it in an error message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadValue(String);

impl BadValue {
    /// A nil pointer.
    pub fn null() -> Self {
        Self("\"null\"".to_owned())
    }

    /// Text that is already in Go's notation, such as `[]int64{666, 777}`.
    pub fn go(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl From<&str> for BadValue {
    fn from(value: &str) -> Self {
        Self(go_quote(value))
    }
}

impl From<&String> for BadValue {
    fn from(value: &String) -> Self {
        Self(go_quote(value))
    }
}

macro_rules! bad_value_from {
    ($($t:ty),*) => {$(
        impl From<$t> for BadValue {
            fn from(value: $t) -> Self {
                Self(value.to_string())
            }
        }
    )*};
}
bad_value_from!(bool, i32, i64, usize, f64);

/// Quotes as Go's `%q` does: in double quotes, with escapes for control characters.
pub fn go_quote(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if (c as u32) < 0x80 && c.is_control() => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// One error of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The kind of error.
    pub kind: ErrorKind,
    /// The field path, as text, because a few of upstream's are not valid paths.
    pub field: String,
    /// The invalid value, if the message of this kind has one.
    pub value: Option<BadValue>,
    /// The rest of the message; may be empty.
    pub detail: String,
}

impl FieldError {
    fn new(kind: ErrorKind, path: &Path, value: Option<BadValue>, detail: String) -> Self {
        Self {
            kind,
            field: path.as_str().to_owned(),
            value,
            detail,
        }
    }

    /// The field must be set.
    pub fn required(path: &Path, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Required, path, None, detail.into())
    }

    /// The value is malformed or out of range.
    pub fn invalid(path: &Path, value: impl Into<BadValue>, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, path, Some(value.into()), detail.into())
    }

    /// The value is not one of the supported ones, which are quoted in the given order: most of
    /// upstream's lists are sorted, some are not.
    pub fn not_supported(path: &Path, value: impl Into<BadValue>, supported: &[&str]) -> Self {
        let detail = match supported {
            [] => String::new(),
            values => {
                let quoted: Vec<_> = values.iter().map(|v| go_quote(v)).collect();
                format!("supported values: {}", quoted.join(", "))
            }
        };
        Self::new(ErrorKind::NotSupported, path, Some(value.into()), detail)
    }

    /// The value occurs twice.
    pub fn duplicate(path: &Path, value: impl Into<BadValue>) -> Self {
        Self::new(
            ErrorKind::Duplicate,
            path,
            Some(value.into()),
            String::new(),
        )
    }

    /// The value refers to nothing.
    pub fn not_found(path: &Path, value: impl Into<BadValue>) -> Self {
        Self::new(ErrorKind::NotFound, path, Some(value.into()), String::new())
    }

    /// The field may not be used here.
    pub fn forbidden(path: &Path, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Forbidden, path, None, detail.into())
    }

    /// The value has more than `max` bytes.
    pub fn too_long(path: &Path, max: usize) -> Self {
        Self::new(
            ErrorKind::TooLong,
            path,
            None,
            format!("must have at most {max} bytes"),
        )
    }

    /// The list has more than `max` elements.
    pub fn too_many(path: &Path, actual: usize, max: usize) -> Self {
        let detail = format!("must have at most {max} items");
        Self::new(ErrorKind::TooMany, path, Some(actual.into()), detail)
    }

    /// The server could not check the field.
    pub fn internal(path: &Path, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, path, None, detail.into())
    }

    /// The message without the path, as in `details.causes[].message`.
    pub fn body(&self) -> String {
        let mut out = self.kind.title().to_owned();
        if let Some(value) = &self.value {
            let _ = write!(out, ": {}", value.0);
        }
        if !self.detail.is_empty() {
            let _ = write!(out, ": {}", self.detail);
        }
        out
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            // upstream formats the separator even after an empty path
            return write!(f, ": {}", self.body());
        }
        write!(f, "{}: {}", self.field, self.body())
    }
}

/// The errors of a validation; empty if the object is valid.
pub type ErrorList = Vec<FieldError>;

/// Joins errors as upstream's aggregate does: deduplicated, separated by commas, and in brackets if
/// there are several.
pub fn aggregate(errors: &[FieldError]) -> String {
    let mut seen = HashSet::with_capacity(errors.len());
    let texts: Vec<String> = errors
        .iter()
        .map(ToString::to_string)
        .filter(|text| seen.insert(text.clone()))
        .collect();
    match texts.as_slice() {
        [one] => one.clone(),
        _ => format!("[{}]", texts.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_match_upstream() {
        let path = Path::new("spec").child("containers").index(0).child("name");
        for (error, text) in [
            (
                FieldError::required(&path, ""),
                "spec.containers[0].name: Required value",
            ),
            (
                FieldError::invalid(&path, "A\"", "must be lower case"),
                r#"spec.containers[0].name: Invalid value: "A\"": must be lower case"#,
            ),
            (
                FieldError::not_supported(&path, "x", &["b", "a"]),
                r#"spec.containers[0].name: Unsupported value: "x": supported values: "b", "a""#,
            ),
            (
                FieldError::invalid(&path, BadValue::null(), "no"),
                "spec.containers[0].name: Invalid value: \"null\": no",
            ),
            (
                FieldError::too_long(&path, 253),
                "spec.containers[0].name: Too long: must have at most 253 bytes",
            ),
            (
                FieldError::too_many(&path, 65, 64),
                "spec.containers[0].name: Too many: 65: must have at most 64 items",
            ),
        ] {
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn aggregates_are_deduplicated() {
        let a = FieldError::required(&Path::new("a"), "");
        let b = FieldError::required(&Path::new("b"), "");
        assert_eq!(aggregate(std::slice::from_ref(&a)), "a: Required value");
        assert_eq!(
            aggregate(&[a.clone(), b, a]),
            "[a: Required value, b: Required value]"
        );
    }
}
