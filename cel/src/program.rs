//! Compiled expressions.

use crate::activation::Activation;
use crate::checked::Checked;
use crate::cost::{CostEstimate, estimate};
use crate::error::EvalError;
use crate::eval::Evaluation;
use crate::meter::Limits;
use crate::types::Type;
use crate::value::Value;

/// A compiled expression. It can be evaluated concurrently.
pub struct Program {
    checked: Checked,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program")
            .field("result_type", self.result_type())
            .finish_non_exhaustive()
    }
}

/// The result and cost of an evaluation.
#[derive(Debug)]
pub struct Outcome<'a> {
    /// The value, or an error.
    pub result: Result<Value<'a>, EvalError>,
    /// The cost until it ended.
    pub cost: u64,
    /// The steps of work until it ended, for callers that limit those of many evaluations together:
    /// some operations cost little and do much.
    pub work: u64,
}

impl Program {
    pub(crate) const fn new(checked: Checked) -> Self {
        Self { checked }
    }

    /// The type of the expression.
    pub fn result_type(&self) -> &Type {
        self.checked.type_of(&self.checked.expr)
    }

    /// Why no evaluation could succeed: a literal regular expression of `find` or `findAll` is
    /// invalid. `cel-go` does not report this when it compiles, but when it makes the program.
    pub fn instantiation_error(&self) -> Option<&EvalError> {
        self.checked.annotations.regex_error.as_ref()
    }

    /// Whether the expression refers to a variable of its environment.
    pub fn uses(&self, variable: &str) -> bool {
        self.checked.uses(variable)
    }

    /// Whether the expression selects a field of a variable: `variable.field`, `has(variable.field)` or
    /// `variable.?field` (upstream: `hasSelectExp` in
    /// `k8s.io/apiserver/pkg/apis/apiserver/validation/validation.go`).
    pub fn selects(&self, variable: &str, field: &str) -> bool {
        self.checked.expr.selects(variable, field)
    }

    /// The variables of its environment that the expression refers to.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.checked.used()
    }

    /// Whether the expression has one of these types.
    ///
    /// # Errors
    /// A message with upstream's text.
    pub fn must_be(&self, types: &[Type]) -> Result<(), String> {
        let found = self.result_type();
        if types.contains(found) {
            return Ok(());
        }
        let names: Vec<_> = types.iter().map(Type::name).collect();
        let found = found.name();
        Err(match names.as_slice() {
            [name] => format!("must evaluate to {name} but got {found}"),
            names => format!(
                "must evaluate to one of [{}] but got {found}",
                names.join(" ")
            ),
        })
    }

    /// The range of costs of an evaluation, by declared sizes.
    pub fn estimate_cost(&self) -> CostEstimate {
        estimate(&self.checked)
    }

    /// Evaluates the expression, with a limit of cost, or with more limits.
    pub fn evaluate<'a>(
        &'a self,
        activation: &'a Activation<'a>,
        limits: impl Into<Limits>,
    ) -> Outcome<'a> {
        let mut evaluation = Evaluation::new(&self.checked, activation, limits.into());
        let result = evaluation.run();
        Outcome {
            result,
            cost: evaluation.cost(),
            work: evaluation.work(),
        }
    }
}
