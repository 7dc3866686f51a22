//! Name resolution: variables, types, and the functions of a version of Kubernetes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ast::Name;
use crate::decl::{DeclType, ObjectType};
use crate::types::Type;

/// The names that an expression may use.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    /// The minor version of Kubernetes whose functions are available.
    pub(crate) version: u32,
    pub(crate) variables: Vec<Variable>,
    /// The types of object literals.
    pub(crate) objects: BTreeMap<Name, Arc<ObjectType>>,
}

/// A declared variable.
#[derive(Clone, Debug)]
pub(crate) struct Variable {
    pub(crate) name: Name,
    pub(crate) decl: Arc<DeclType>,
    pub(crate) of: Type,
}

impl Scope {
    /// A scope with the functions of Kubernetes 1.`minor`, without variables.
    pub(crate) const fn new(minor: u32) -> Self {
        Self {
            version: minor,
            variables: Vec::new(),
            objects: BTreeMap::new(),
        }
    }

    /// The index of a variable, and its type.
    pub(crate) fn variable(&self, name: &str) -> Option<(u16, Type)> {
        let index = self
            .variables
            .iter()
            .rposition(|variable| &*variable.name == name)?;
        Some((u16::try_from(index).ok()?, self.variables[index].of.clone()))
    }

    /// The type of a type name.
    pub(crate) fn named_type(&self, name: &str) -> Option<Type> {
        const LIBRARIES: [(&str, u32); 6] = [
            ("kubernetes.URL", 0),
            ("kubernetes.Quantity", 28),
            ("net.IP", 30),
            ("net.CIDR", 30),
            ("kubernetes.NamedFormat", 31),
            ("kubernetes.Semver", 33),
        ];
        if let Some(of) = Type::named(name) {
            return Some(of);
        }
        if name == "optional_type" && self.version >= 28 {
            return Some(Type::optional(Type::Dyn));
        }
        let library = LIBRARIES
            .iter()
            .find(|(of, since)| *of == name && *since <= self.version);
        library.map(|(name, _)| Type::Opaque(name))
    }

    /// The type of an object literal. Open objects contain object types, named by their paths.
    pub(crate) fn object(&self, name: &str) -> Option<Arc<ObjectType>> {
        if let Some(object) = self.objects.get(name) {
            return Some(Arc::clone(object));
        }
        let root = name.split('.').next().unwrap_or_default();
        self.objects.get(root).filter(|object| object.open)?;
        DeclType::open_object(name).as_object().cloned()
    }
}
