//! Compiled expressions.

use serde_json::Value as Json;

use crate::ast::Expr;
use crate::check::Facts;
use crate::cost::{CostEstimate, estimate};
use crate::env::Variable;
use crate::error::EvalError;
use crate::eval::Evaluation;
use crate::library::authz::{Attributes, Authorizer, Authz, Stage};
use crate::types::Type;
use crate::value::{Evaluated, Opaque, Value, json_value};

/// A compiled expression. It can be evaluated by many at once.
pub struct Program {
    pub(crate) expr: Expr,
    pub(crate) facts: Facts,
    pub(crate) variables: Vec<Variable>,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program")
            .field("result_type", self.result_type())
            .finish_non_exhaustive()
    }
}

/// What the variables of an expression are.
#[derive(Debug, Default)]
pub struct Activation<'a> {
    bindings: Vec<(&'a str, Binding<'a>)>,
}

#[derive(Debug)]
enum Binding<'a> {
    Json(&'a Json),
    /// An optional variable that is missing.
    Missing,
    Value(Value<'a>),
}

/// What came of an evaluation, and what it cost.
#[derive(Debug)]
pub struct Outcome<'a> {
    /// The value, or why there is none.
    pub result: Result<Value<'a>, EvalError>,
    /// The cost up to its end.
    pub cost: u64,
}

impl<'a> Activation<'a> {
    /// No variables.
    pub const fn new() -> Self {
        Self {
            bindings: Vec::new(),
        }
    }

    fn bind(mut self, name: &'a str, binding: Binding<'a>) -> Self {
        self.bindings.push((name, binding));
        self
    }

    /// Data. It is read where it lies.
    #[must_use]
    pub fn with(self, name: &'a str, data: &'a Json) -> Self {
        self.bind(name, Binding::Json(data))
    }

    /// An optional variable that is missing.
    #[must_use]
    pub fn without(self, name: &'a str) -> Self {
        self.bind(name, Binding::Missing)
    }

    /// A value, such as another expression's.
    #[must_use]
    pub fn with_value(self, name: &'a str, value: Value<'a>) -> Self {
        self.bind(name, Binding::Value(value))
    }

    /// Who answers checks of `authorizer`, and what `authorizer.requestResource` asks at first.
    #[must_use]
    pub fn with_authorizer(self, authorizer: &'a dyn Authorizer, request: Attributes) -> Self {
        let value = |attributes, stage| {
            Value::opaque(Opaque::Authz(Authz {
                authorizer,
                attributes,
                stage,
            }))
        };
        self.with_value(
            "authorizer",
            value(Attributes::default(), Stage::Authorizer),
        )
        .with_value(
            "authorizer.requestResource",
            value(request, Stage::Resource),
        )
    }

    /// The value of a declared variable.
    pub(crate) fn value(&self, variable: &'a Variable) -> Option<Evaluated<'a>> {
        let (_, binding) = self
            .bindings
            .iter()
            .rfind(|(name, _)| *name == &*variable.name)?;
        let optional = matches!(variable.of, Type::Optional(_));
        Some(match binding {
            Binding::Json(data) => {
                let value = json_value(data, &variable.decl);
                if optional {
                    value.map(Value::some)
                } else {
                    value
                }
            }
            Binding::Missing => Ok(Value::Optional(None)),
            Binding::Value(value) => Ok(value.clone()),
        })
    }
}

impl Program {
    pub(crate) const fn new(expr: Expr, facts: Facts, variables: Vec<Variable>) -> Self {
        Self {
            expr,
            facts,
            variables,
        }
    }

    /// The type of the expression.
    pub fn result_type(&self) -> &Type {
        &self.facts.types[self.expr.id as usize]
    }

    /// The least and the most that evaluating it may cost, by the declared sizes.
    pub fn estimate_cost(&self) -> CostEstimate {
        estimate(self)
    }

    /// Evaluates the expression, for at most so much.
    pub fn evaluate<'a>(&'a self, activation: &'a Activation<'a>, budget: u64) -> Outcome<'a> {
        let mut evaluation = Evaluation::new(self, activation, budget);
        let result = evaluation.run();
        Outcome {
            result,
            cost: evaluation.cost(),
        }
    }
}
