//! Declared types of data, with sizes.
//!
//! [`DeclType`] is the counterpart of `DeclType` in `apiserver/pkg/cel`: a type for the checker, a
//! maximum size for cost estimates, and a minimum size as JSON.

mod escape;
mod fields;
mod schema;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

pub use escape::{escape, unescape};
use fields::{Field, Fields};
pub use schema::{SchemaRoot, decl_type};

/// The maximum size of a request, from which sizes are derived that the schema does not limit.
pub(crate) const MAX_REQUEST_BYTES: u64 = 3 * 1024 * 1024;

/// A declared type.
#[derive(Clone, Debug, PartialEq)]
pub struct DeclType {
    pub(crate) kind: DeclKind,
    /// The maximum number of elements, entries, or bytes of a string.
    pub(crate) max_elements: u64,
    /// The minimum number of bytes as JSON.
    pub(crate) min_size: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum DeclKind {
    Dyn,
    Bool,
    Int,
    Double,
    String,
    Bytes,
    /// Only a date, if true.
    Timestamp(bool),
    Duration,
    List(Box<ListDecl>),
    Map(Box<DeclType>),
    Object(Arc<ObjectType>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct ListDecl {
    pub(crate) element: Box<DeclType>,
    pub(crate) list_type: ListType,
}

/// How lists are compared and concatenated: `x-kubernetes-list-type`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListType {
    /// As sequences.
    Atomic,
    /// As sets.
    Set,
    /// As maps by the values of these fields.
    Map(Vec<String>),
}

/// An object with declared fields.
#[derive(Debug, PartialEq)]
pub struct ObjectType {
    pub(crate) name: Arc<str>,
    /// By name in expressions.
    pub(crate) fields: Fields<DeclType>,
    /// Whether it has arbitrary fields of any type.
    pub(crate) open: bool,
}

/// A field of an object.
pub(crate) type FieldDecl = Field<DeclType>;

pub(crate) static DYN: DeclType = DeclType::simple(DeclKind::Dyn, 0, 1);
pub(crate) static DYN_LIST: LazyLock<ListDecl> = LazyLock::new(|| ListDecl {
    element: Box::new(DYN.clone()),
    list_type: ListType::Atomic,
});

impl DeclType {
    const fn simple(kind: DeclKind, max_elements: u64, min_size: u64) -> Self {
        Self {
            kind,
            max_elements,
            min_size,
        }
    }

    /// Any type, checked only at run time.
    pub const fn any() -> Self {
        Self::simple(DeclKind::Dyn, 0, 1)
    }

    /// `true` or `false`.
    pub const fn bool() -> Self {
        Self::simple(DeclKind::Bool, 0, 4)
    }

    /// An integer.
    pub const fn int() -> Self {
        Self::simple(DeclKind::Int, 0, 1)
    }

    /// A floating-point number.
    pub const fn double() -> Self {
        Self::simple(DeclKind::Double, 0, 1)
    }

    /// A time.
    pub const fn timestamp() -> Self {
        Self::simple(DeclKind::Timestamp(false), 32, 21)
    }

    /// A string of at most `max_bytes` bytes, if there is a limit.
    pub fn string(max_bytes: Option<u64>) -> Self {
        let max = max_bytes.unwrap_or(MAX_REQUEST_BYTES - 2);
        Self::simple(DeclKind::String, max, 2)
    }

    /// A list of at most `max` elements, or else as many as fit into a request.
    pub fn list(element: Self, max: Option<u64>, list_type: ListType) -> Self {
        let max = max.unwrap_or_else(|| (MAX_REQUEST_BYTES - 2) / (element.min_size + 1));
        let list = ListDecl {
            element: Box::new(element),
            list_type,
        };
        Self::simple(DeclKind::List(Box::new(list)), max, 2)
    }

    /// A map with strings as keys and at most `max` entries, or else as many as fit into a request.
    pub fn map(value: Self, max: Option<u64>) -> Self {
        let max = max.unwrap_or_else(|| (MAX_REQUEST_BYTES - 2) / (value.min_size + 6));
        Self::simple(DeclKind::Map(Box::new(value)), max, 2)
    }

    /// An object with fields by their names in JSON. Fields whose names cannot be escaped are left
    /// out.
    pub fn object(name: &str, fields: impl IntoIterator<Item = (String, Self)>) -> Self {
        let escaped = fields.into_iter().filter_map(|(json, decl)| {
            let name = escape(&json)?;
            let field = FieldDecl::new(&name, &json, decl);
            Some((name.into_boxed_str(), field))
        });
        Self::of_object(
            ObjectType {
                name: name.into(),
                fields: escaped.collect::<BTreeMap<_, _>>().into(),
                open: false,
            },
            2,
        )
    }

    /// An object with arbitrary fields of any type.
    pub fn open_object(name: &str) -> Self {
        Self::of_object(
            ObjectType {
                name: name.into(),
                fields: Fields::default(),
                open: true,
            },
            2,
        )
    }

    fn of_object(object: ObjectType, min_size: u64) -> Self {
        // upstream does not limit the number of fields of an object
        Self::simple(DeclKind::Object(Arc::new(object)), 0, min_size)
    }

    /// The type of a field, by its name in JSON; `None` if expressions cannot access it.
    pub fn field(&self, json_name: &str) -> Option<&Self> {
        match &self.kind {
            DeclKind::Object(object) => {
                let field = object.fields.get(escape(json_name)?.as_str());
                field.map(|field| &field.decl)
            }
            _ => None,
        }
    }

    /// The type of the elements of a list, or of the values of a map.
    pub fn elements(&self) -> Option<&Self> {
        match &self.kind {
            DeclKind::List(list) => Some(&list.element),
            DeclKind::Map(value) => Some(value),
            _ => None,
        }
    }

    /// How many values of the type fit into a request, with at least a comma between them.
    pub const fn max_occurrences(&self) -> u64 {
        MAX_REQUEST_BYTES / self.min_size.saturating_add(1)
    }

    /// The type one step down the path of an estimate.
    pub(crate) fn step(&self, name: &str) -> Option<&Self> {
        match (&self.kind, name) {
            (DeclKind::List(list), "@items") => Some(&list.element),
            (DeclKind::Map(value), "@values") => Some(value),
            (DeclKind::Object(object), _) => object.fields.get(name).map(|field| &field.decl),
            _ => None,
        }
    }
}

impl ObjectType {
    /// Whether there is a field of this name in JSON.
    pub(crate) fn declares(&self, json_name: &str) -> bool {
        escape(json_name).is_some_and(|name| self.fields.get(&name).is_some())
    }

    /// The field of a name in expressions, in which reserved words need no escaping.
    pub(crate) fn field(&self, name: &str) -> Option<&FieldDecl> {
        self.fields.get(name).or_else(|| {
            let reserved = escape::is_reserved(name).then(|| format!("__{name}__"))?;
            self.fields.get(reserved.as_str())
        })
    }
}
