//! What expressions may use, and compiling them.

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

/// What an expression may use.
#[derive(Clone, Debug)]
pub struct Environment {
    scope: Scope,
    /// Whether constants are evaluated once, for nothing.
    folds: bool,
}

impl Environment {
    /// The functions of Kubernetes 1.`minor`, and no variables.
    pub const fn new(minor: u32) -> Self {
        Self {
            scope: Scope::new(minor),
            folds: true,
        }
    }

    fn with(mut self, name: &str, decl: DeclType, of: Type) -> Self {
        self.scope.variables.push(Variable {
            name: name.into(),
            decl: Arc::new(decl),
            of,
        });
        self
    }

    /// A variable of a type.
    #[must_use]
    pub fn with_variable(self, name: &str, decl: DeclType) -> Self {
        let of = Type::from(&decl);
        self.with(name, decl, of)
    }

    /// A variable that may be missing, such as `oldSelf` with `optionalOldSelf`.
    #[must_use]
    pub fn with_optional_variable(self, name: &str, decl: DeclType) -> Self {
        let of = Type::optional(Type::from(&decl));
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
            self.scope
                .objects
                .insert(object.name.clone(), Arc::clone(object));
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
        let mut facts = check(&self.scope, &expr, nodes).map_err(mistaken)?;
        if self.folds {
            fold(&expr, &mut facts);
        }
        let variables = self.scope.variables.clone();
        Ok(Program::new(Checked {
            expr,
            facts,
            variables,
        }))
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

    const fn syntax(&self) -> Syntax {
        Syntax {
            optionals: self.scope.version >= 28,
            two_variables: self.scope.version >= 32,
            sort_by: self.scope.version >= 34,
        }
    }
}
