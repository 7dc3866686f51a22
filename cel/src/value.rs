//! Values of expressions. Data is borrowed from JSON, not copied.

mod convert;
mod json;
mod list;
mod map;
pub(crate) mod opaque;
mod patch;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use crate::error::EvalError;
use crate::types::Type;

pub(crate) use convert::text_of;
pub use json::to_json;
pub(crate) use list::List;
pub(crate) use map::{Entries, Key, Map};
use opaque::Opaque;
pub use patch::to_patch;
pub(crate) use patch::{OBJECT, OPERATION};

/// The value of an expression.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Value<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    Uint(u64),
    /// A floating-point number.
    Double(f64),
    /// A string.
    String(Text<'a>),
    /// Bytes.
    Bytes(Arc<[u8]>),
    /// A timestamp.
    Timestamp(Timestamp),
    /// A duration.
    Duration(Duration),
    /// A list.
    #[doc(hidden)]
    List(List<'a>),
    /// A map or an object.
    #[doc(hidden)]
    Map(Map<'a>),
    /// An optional value.
    Optional(Option<Arc<Value<'a>>>),
    /// A type.
    Type(Arc<Type>),
    /// A value of a library type.
    #[doc(hidden)]
    Opaque(Arc<Opaque<'a>>),
}

/// A string, borrowed or owned.
#[derive(Clone, Debug)]
pub enum Text<'a> {
    /// A part of the data or of the expression.
    Borrowed(&'a str),
    /// Created by the expression.
    Shared(Arc<str>),
}

impl Text<'_> {
    /// The string.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self::Shared(text.into())
    }
}

/// Seconds since 1970, and nanoseconds within the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    pub(crate) seconds: i64,
    pub(crate) nanos: u32,
}

impl Timestamp {
    /// Go's zero time, the first moment of year 1.
    pub(crate) const ZERO: Self = Self {
        seconds: -62_135_596_800,
        nanos: 0,
    };
}

/// Nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub(crate) i64);

/// The result of an operation.
pub(crate) type Evaluated<'a> = Result<Value<'a>, EvalError>;

impl<'a> Value<'a> {
    /// An owned string.
    pub(crate) fn text(text: impl Into<Arc<str>>) -> Self {
        Self::String(Text::Shared(text.into()))
    }

    pub(crate) fn values(values: Vec<Self>) -> Self {
        Self::List(List::Values(Arc::new(values)))
    }

    pub(crate) fn opaque(opaque: Opaque<'a>) -> Self {
        Self::Opaque(Arc::new(opaque))
    }

    pub(crate) fn some(value: Self) -> Self {
        Self::Optional(Some(Arc::new(value)))
    }

    /// The value, if it is a `bool`.
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The value, if it is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// The type of the value.
    pub(crate) fn type_of(&self) -> Type {
        match self {
            Self::Null => Type::Null,
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::Uint(_) => Type::Uint,
            Self::Double(_) => Type::Double,
            Self::String(_) => Type::String,
            Self::Bytes(_) => Type::Bytes,
            Self::Timestamp(_) => Type::Timestamp,
            Self::Duration(_) => Type::Duration,
            Self::List(_) => Type::list(Type::Dyn),
            Self::Map(map) => map.type_of(),
            Self::Optional(_) => Type::optional(Type::Dyn),
            Self::Type(_) => Type::Type(None),
            Self::Opaque(opaque) => Type::Opaque(opaque.type_name()),
        }
    }

    /// Whether a value has a type; elements are not checked.
    pub(crate) fn fits(&self, expected: &Type) -> bool {
        match (self, expected) {
            (_, Type::Dyn | Type::Param(_))
            | (Self::Null, Type::Null)
            | (Self::Bool(_), Type::Bool)
            | (Self::Int(_), Type::Int)
            | (Self::Uint(_), Type::Uint)
            | (Self::Double(_), Type::Double)
            | (Self::String(_), Type::String)
            | (Self::Bytes(_), Type::Bytes)
            | (Self::Timestamp(_), Type::Timestamp)
            | (Self::Duration(_), Type::Duration)
            | (Self::List(_), Type::List(_))
            | (Self::Map(_), Type::Map(_) | Type::Object(_))
            | (Self::Optional(_), Type::Optional(_))
            | (Self::Type(_), Type::Type(_)) => true,
            (Self::Opaque(opaque), Type::Opaque(name)) => opaque.type_name() == *name,
            _ => false,
        }
    }

    /// The size for costs: the number of characters, bytes, elements or entries, or else one.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::String(text) => text.as_str().chars().count(),
            Self::Bytes(bytes) => bytes.len(),
            Self::List(list) => list.len(),
            Self::Map(map) => map.len(),
            Self::Opaque(opaque) => opaque.size(),
            Self::Optional(Some(value)) => value.size(),
            _ => 1,
        }
    }
}

impl fmt::Display for Value<'_> {
    /// As `cel-go` formats a value in its errors.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Uint(value) => write!(f, "{value}"),
            Self::Double(value) => f.write_str(&convert::double_text(*value)),
            Self::String(text) => f.write_str(text.as_str()),
            Self::Bytes(bytes) => write!(f, "{bytes:?}"),
            Self::Timestamp(time) => write!(f, "{time}"),
            Self::Duration(duration) => write!(f, "{duration}"),
            other => f.write_str(other.type_of().value_name()),
        }
    }
}
