//! Types of expressions.

use std::fmt;
use std::sync::Arc;

use crate::decl::{DeclKind, DeclType, ListType, ObjectType};

/// The type of an expression.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Type {
    /// Known only at run time.
    Dyn,
    /// The type of an invalid expression, whose issue has been reported.
    Error,
    /// The type of `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// Signed integers of 64 bits.
    Int,
    /// Unsigned integers of 64 bits.
    Uint,
    /// Floating-point numbers.
    Double,
    /// Strings.
    String,
    /// Bytes.
    Bytes,
    /// Timestamps.
    Timestamp,
    /// Durations.
    Duration,
    /// Lists.
    List(Arc<Type>),
    /// Maps, by types of keys and values.
    Map(Arc<(Type, Type)>),
    /// An object with declared fields.
    Object(Arc<ObjectType>),
    /// A library type, such as `net.IP`.
    Opaque(&'static str),
    /// Optional values.
    Optional(Arc<Type>),
    /// Types as values, with the type if it is known.
    Type(Option<Arc<Type>>),
    /// A type parameter, which the checker binds.
    #[doc(hidden)]
    Param(u32),
}

impl Type {
    /// A list type.
    pub fn list(element: Self) -> Self {
        Self::List(Arc::new(element))
    }

    /// A map type.
    pub fn map(key: Self, value: Self) -> Self {
        Self::Map(Arc::new((key, value)))
    }

    /// An optional type.
    pub fn optional(of: Self) -> Self {
        Self::Optional(Arc::new(of))
    }

    pub(crate) const fn is_dyn_or_error(&self) -> bool {
        matches!(self, Self::Dyn | Self::Error)
    }

    /// Whether values of the type always have size one.
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

    /// The name of the type as a value, as returned by `type()`.
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

    /// The name of the type in expressions, with those of its parts.
    pub fn name(&self) -> String {
        let name = self.value_name();
        match self {
            Self::List(of) | Self::Optional(of) | Self::Type(Some(of)) => {
                format!("{name}({})", of.name())
            }
            Self::Map(entry) => format!("{name}({}, {})", entry.0.name(), entry.1.name()),
            _ => name.to_owned(),
        }
    }

    /// The type of a name in expressions.
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
    /// The type of a declared type, for the checker.
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

impl From<&Type> for DeclType {
    /// The declared type of the results of an expression; any, where declarations have no such type.
    fn from(of: &Type) -> Self {
        match of {
            Type::Bool => Self::bool(),
            Type::Int => Self::int(),
            Type::Double => Self::double(),
            Type::String => Self::string(None),
            Type::Timestamp => Self::timestamp(),
            Type::List(element) => Self::list(Self::from(&**element), None, ListType::Atomic),
            Type::Map(entry) if entry.0 == Type::String => Self::map(Self::from(&entry.1), None),
            _ => Self::any(),
        }
    }
}

impl fmt::Display for Type {
    /// As the checker of `cel-go` formats types.
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
