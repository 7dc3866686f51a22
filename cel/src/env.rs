//! What expressions may use: variables, types, and the functions of a version of Kubernetes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ast::Name;
use crate::check::{check, fold};
use crate::decl::{DeclType, ObjectType};
use crate::library::authz::{AUTHORIZER, RESOURCE};
use crate::parser::{Syntax, parse};
use crate::program::Program;
use crate::source::{CompileError, Issue};
use crate::types::Type;

/// What an expression may use.
#[derive(Clone, Debug)]
pub struct Environment {
    version: u32,
    variables: Vec<Variable>,
    objects: BTreeMap<Name, Arc<ObjectType>>,
    /// Whether constants are evaluated once, for nothing.
    folds: bool,
}

/// A variable that is declared.
#[derive(Clone, Debug)]
pub(crate) struct Variable {
    pub(crate) name: Name,
    pub(crate) decl: Arc<DeclType>,
    pub(crate) of: Type,
}

impl Environment {
    /// The functions of Kubernetes 1.`minor`, and no variables.
    pub const fn new(minor: u32) -> Self {
        Self {
            version: minor,
            variables: Vec::new(),
            objects: BTreeMap::new(),
            folds: true,
        }
    }

    fn with(mut self, name: &str, decl: DeclType, of: Type) -> Self {
        self.variables.push(Variable {
            name: name.into(),
            decl: Arc::new(decl),
            of,
        });
        self
    }

    /// A variable of a type.
    #[must_use]
    pub fn with_variable(self, name: &str, decl: DeclType) -> Self {
        let of = decl.as_type();
        self.with(name, decl, of)
    }

    /// A variable that may be missing, such as `oldSelf` with `optionalOldSelf`.
    #[must_use]
    pub fn with_optional_variable(self, name: &str, decl: DeclType) -> Self {
        let of = Type::optional(decl.as_type());
        self.with(name, decl, of)
    }

    /// `authorizer`, and `authorizer.requestResource`: checks of what the user may do.
    #[must_use]
    pub fn with_authorizer(self) -> Self {
        self.with("authorizer", DeclType::any(), Type::Opaque(AUTHORIZER))
            .with(
                "authorizer.requestResource",
                DeclType::any(),
                Type::Opaque(RESOURCE),
            )
    }

    /// Objects of a type that expressions may make: `Name{field: value}`.
    #[must_use]
    pub fn with_object(mut self, decl: &DeclType) -> Self {
        if let Some(object) = decl.as_object() {
            self.objects.insert(object.name.clone(), Arc::clone(object));
        }
        self
    }

    /// Constants are evaluated as all else is, which upstream's tables of costs go by.
    #[cfg(test)]
    pub(crate) fn without_folding(mut self) -> Self {
        self.folds = false;
        self
    }

    /// Compiles an expression.
    ///
    /// # Errors
    /// All mistakes, in the words of `cel-go`.
    pub fn compile(&self, expression: &str) -> Result<Program, CompileError> {
        let mistaken = |issues| CompileError::new(expression, issues);
        let (expr, nodes) = parse(expression, self.syntax()).map_err(mistaken)?;
        let mut facts = check(self, &expr, nodes).map_err(mistaken)?;
        if self.folds {
            fold(&expr, &mut facts);
        }
        Ok(Program::new(expr, facts, self.variables.clone()))
    }

    /// Compiles an expression that must be a condition.
    ///
    /// # Errors
    /// All mistakes; that it is no condition is the only one if it is there.
    pub fn compile_condition(&self, expression: &str) -> Result<Program, CompileError> {
        let program = self.compile(expression)?;
        if *program.result_type() == Type::Bool || *program.result_type() == Type::Dyn {
            return Ok(program);
        }
        let message = "cel expression must evaluate to a bool".to_owned();
        Err(CompileError::plain(Issue {
            offset: None,
            message,
        }))
    }

    pub(crate) const fn version(&self) -> u32 {
        self.version
    }

    const fn syntax(&self) -> Syntax {
        Syntax {
            optionals: self.version >= 28,
            two_variables: self.version >= 32,
            sort_by: self.version >= 34,
        }
    }

    /// Where a variable is, and its type.
    pub(crate) fn variable(&self, name: &str) -> Option<(u16, Type)> {
        let index = self
            .variables
            .iter()
            .rposition(|variable| &*variable.name == name)?;
        Some((u16::try_from(index).ok()?, self.variables[index].of.clone()))
    }

    /// The type that a name stands for.
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

    /// An object that expressions may make. What is open has objects below it, by their paths.
    pub(crate) fn object(&self, name: &str) -> Option<Arc<ObjectType>> {
        if let Some(object) = self.objects.get(name) {
            return Some(Arc::clone(object));
        }
        let root = name.split('.').next().unwrap_or_default();
        self.objects.get(root).filter(|object| object.open)?;
        DeclType::open_object(name).as_object().cloned()
    }
}
