//! Environments, which compile expressions.

use std::sync::Arc;

use crate::check::{check, fold};
use crate::checked::Checked;
use crate::decl::DeclType;
use crate::parser::{Syntax, parse};
use crate::program::Program;
use crate::scope::{Scope, Variable};
use crate::source::{CompileError, Issue};
use crate::types::Type;
use crate::value::opaque::authz::{AUTHORIZER, RESOURCE};

/// The variables, functions and types that an expression may use.
#[derive(Clone, Debug)]
pub struct Environment {
    scope: Scope,
    /// Whether constants are folded, at no cost.
    folds: bool,
}

impl Environment {
    /// An environment with the functions of Kubernetes 1.`minor`, without variables.
    pub const fn new(minor: u32) -> Self {
        Self {
            scope: Scope::new(minor),
            folds: true,
        }
    }

    pub(crate) fn with(mut self, name: &str, decl: DeclType, of: Type) -> Self {
        self.scope.variables.push(Variable {
            name: name.into(),
            decl: Arc::new(decl),
            of,
        });
        self
    }

    /// Declares a variable.
    #[must_use]
    pub fn with_variable(self, name: &str, decl: DeclType) -> Self {
        let of = Type::from(&decl);
        self.with(name, decl, of)
    }

    /// Declares an optional variable, such as `oldSelf` with `optionalOldSelf`.
    #[must_use]
    pub fn with_optional_variable(self, name: &str, decl: DeclType) -> Self {
        let of = Type::optional(Type::from(&decl));
        self.with(name, decl, of)
    }

    /// Declares `authorizer` and `authorizer.requestResource`, for authorization checks.
    #[must_use]
    pub fn with_authorizer(self) -> Self {
        self.with("authorizer", DeclType::any(), Type::Opaque(AUTHORIZER))
            .with(
                "authorizer.requestResource",
                DeclType::any(),
                Type::Opaque(RESOURCE),
            )
    }

    /// Declares an object type for literals: `Name{field: value}`.
    #[must_use]
    pub fn with_object(mut self, decl: &DeclType) -> Self {
        if let Some(object) = decl.as_object() {
            self.scope
                .objects
                .insert(object.name.clone(), Arc::clone(object));
        }
        self
    }

    /// The same with the functions of another version.
    pub(crate) fn with_functions_of(mut self, version: u32) -> Self {
        self.scope.version = version;
        self
    }

    /// A declared object type; any, if there is none of this name.
    pub(crate) fn object_type(&self, name: &str) -> Type {
        self.scope.object(name).map_or(Type::Dyn, Type::Object)
    }

    /// Disables constant folding, as upstream's tables of costs assume.
    #[cfg(test)]
    pub(crate) fn without_folding(mut self) -> Self {
        self.folds = false;
        self
    }

    /// Compiles an expression.
    ///
    /// # Errors
    /// All issues, with the messages of `cel-go`.
    pub fn compile(&self, expression: &str) -> Result<Program, CompileError> {
        let mistaken = |issues| CompileError::new(expression, issues);
        let (expr, nodes) = parse(expression, self.syntax()).map_err(mistaken)?;
        let mut annotations = check(&self.scope, &expr, nodes).map_err(mistaken)?;
        if self.folds {
            fold(&expr, &mut annotations);
        }
        let variables = self.scope.variables.clone();
        Ok(Program::new(Checked {
            expr,
            annotations,
            variables,
        }))
    }

    /// Compiles an expression that must be of type `bool`.
    ///
    /// # Errors
    /// All issues. If the type is wrong, that is the only one.
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

    const fn syntax(&self) -> Syntax {
        Syntax {
            optionals: self.scope.version >= 28,
            two_variables: self.scope.version >= 32,
            sort_by: self.scope.version >= 34,
        }
    }
}
