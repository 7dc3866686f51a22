//! Types of expressions, as the checker knows them.

use std::fmt;
use std::sync::Arc;

use crate::decl::{DeclKind, DeclType, ObjectType};

/// The type of an expression.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Type {
    /// Known at run time only.
    Dyn,
    /// Of an expression that is wrong; a mistake has been noted.
    Error,
    /// Of `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// Whole numbers of 64 bits.
    Int,
    /// Whole numbers of 64 bits that are not negative.
    Uint,
    /// Numbers with a fraction.
    Double,
    /// Text.
    String,
    /// Bytes.
    Bytes,
    /// Points in time.
    Timestamp,
    /// Lengths of time.
    Duration,
    /// Lists of a type.
    List(Arc<Type>),
    /// Maps from a type to a type.
    Map(Arc<(Type, Type)>),
    /// An object with declared fields.
    Object(Arc<ObjectType>),
    /// A type of a library, such as `net.IP`.
    Opaque(&'static str),
    /// A value that may be missing.
    Optional(Arc<Type>),
    /// Of a type as a value, of which type if that is known.
    Type(Option<Arc<Type>>),
    /// Stands for a type that the checker has to find.
    #[doc(hidden)]
    Param(u32),
}

impl Type {
    /// A list of elements of a type.
    pub fn list(element: Self) -> Self {
        Self::List(Arc::new(element))
    }

    /// A map from keys to values.
    pub fn map(key: Self, value: Self) -> Self {
        Self::Map(Arc::new((key, value)))
    }

    /// A value of a type, or nothing.
    pub fn optional(of: Self) -> Self {
        Self::Optional(Arc::new(of))
    }

    pub(crate) const fn is_dyn_or_error(&self) -> bool {
        matches!(self, Self::Dyn | Self::Error)
    }

    /// Whether values of the type have a size of one.
    pub(crate) fn is_scalar(&self) -> bool {
        match self {
            Self::Bool
            | Self::Int
            | Self::Uint
            | Self::Double
            | Self::Timestamp
            | Self::Duration => true,
            Self::Optional(of) => of.is_scalar(),
            _ => false,
        }
    }

    /// The name of the type of values, as `type()` has it.
    pub(crate) fn value_name(&self) -> &str {
        match self {
            Self::Dyn | Self::Param(_) => "dyn",
            Self::Error => "error",
            Self::Null => "null_type",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Timestamp => "google.protobuf.Timestamp",
            Self::Duration => "google.protobuf.Duration",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Object(object) => &object.name,
            Self::Opaque(name) => name,
            Self::Optional(_) => "optional_type",
            Self::Type(_) => "type",
        }
    }

    /// The type that a name in an expression stands for.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "dyn" => Self::Dyn,
            "null_type" => Self::Null,
            "bool" => Self::Bool,
            "int" => Self::Int,
            "uint" => Self::Uint,
            "double" => Self::Double,
            "string" => Self::String,
            "bytes" => Self::Bytes,
            "google.protobuf.Timestamp" => Self::Timestamp,
            "google.protobuf.Duration" => Self::Duration,
            "list" => Self::list(Self::Dyn),
            "map" => Self::map(Self::Dyn, Self::Dyn),
            "type" => Self::Type(None),
            _ => return None,
        })
    }
}

impl From<&DeclType> for Type {
    /// The type that the checker sees of a declared one.
    fn from(decl: &DeclType) -> Self {
        match &decl.kind {
            DeclKind::Dyn => Self::Dyn,
            DeclKind::Bool => Self::Bool,
            DeclKind::Int => Self::Int,
            DeclKind::Double => Self::Double,
            DeclKind::String => Self::String,
            DeclKind::Bytes => Self::Bytes,
            DeclKind::Timestamp(_) => Self::Timestamp,
            DeclKind::Duration => Self::Duration,
            DeclKind::List(list) => Self::list(Self::from(&*list.element)),
            DeclKind::Map(value) => Self::map(Self::String, Self::from(&**value)),
            DeclKind::Object(object) => Self::Object(Arc::clone(object)),
        }
    }
}

impl fmt::Display for Type {
    /// As `cel-go`'s checker writes types.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error => f.write_str("!error!"),
            Self::Null => f.write_str("null"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Duration => f.write_str("duration"),
            Self::List(element) => write!(f, "list({element})"),
            Self::Map(entry) => write!(f, "map({}, {})", entry.0, entry.1),
            Self::Optional(of) => write!(f, "optional_type({of})"),
            Self::Type(Some(of)) => write!(f, "type({of})"),
            Self::Param(id) => write!(f, "_var{id}"),
            other => f.write_str(other.value_name()),
        }
    }
}
