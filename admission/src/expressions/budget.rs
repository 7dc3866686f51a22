//! Expressions, and the shared limits of several evaluations.

use portcullis_cel::{
    Activation, Environment, Limits, Program, Type, Value, Variables, WORK_PER_COST,
};

/// Upstream: `PerCallLimit`.
pub(crate) const COST_OF_ONE: u64 = 1_000_000;

/// A compiled expression.
#[derive(Debug)]
pub(crate) struct Expression {
    pub(crate) text: String,
    /// An invalid expression fails whenever it is evaluated.
    program: Result<Program, String>,
}

/// Why an expression has no value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It failed, with upstream's text.
    Failed(String),
    /// The cost of all evaluations exceeds the budget.
    TooCostly,
    /// They do more work than allowed.
    TooLong,
}

impl Failure {
    /// The message for users.
    pub(crate) fn into_message(self) -> String {
        match self {
            Self::Failed(message) => message,
            Self::TooCostly | Self::TooLong => "validation failed due to running out of cost budget, no further validation rules will be run".to_owned(),
        }
    }
}

impl Expression {
    /// Compiles an expression that must have one of these types.
    pub(crate) fn compile(environment: &Environment, text: &str, types: &[Type]) -> Self {
        let compiled = environment.compile(text);
        let compiled = compiled.map_err(|error| format!("compilation failed: {error}"));
        let program = compiled.and_then(|program| {
            program.must_be(types)?;
            match program.instantiation_error() {
                Some(error) => Err(format!("program instantiation failed: {error}")),
                None => Ok(program),
            }
        });
        Self {
            text: text.to_owned(),
            program,
        }
    }

    /// Whether it refers to a variable of its environment.
    pub(crate) fn uses(&self, variable: &str) -> bool {
        let program = self.program.as_ref();
        program.is_ok_and(|program| program.variables().any(|used| used == variable))
    }
}

/// The remaining budget of several evaluations.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    cost: u64,
    work: u64,
}

impl Budget {
    pub(crate) const fn new(cost: u64, work: u64) -> Self {
        Self { cost, work }
    }

    /// The limits of all variables together.
    pub(crate) const fn limits(self) -> Limits {
        Limits {
            cost: self.cost,
            work: self.work,
        }
    }

    pub(crate) const fn work(self) -> u64 {
        self.work
    }

    /// Evaluates an expression, and charges the budget, including the variables it evaluates.
    pub(crate) fn evaluate<'a>(
        &mut self,
        expression: &'a Expression,
        activation: &'a Activation<'a>,
        variables: Option<&Variables<'a>>,
    ) -> Result<Value<'a>, Failure> {
        let program = expression.program.as_ref();
        let program =
            program.map_err(|why| Failure::Failed(format!("compilation error: {why}")))?;
        let limits = Limits::of_cost(COST_OF_ONE).within(self.work);
        let outcome = program.evaluate(activation, limits);
        let spent = variables.map(Variables::take_spent).unwrap_or_default();
        let work = outcome.work.saturating_add(spent.work);
        // some expressions have a low cost and do much work
        let cost = outcome
            .cost
            .saturating_add(spent.cost)
            .max(work / WORK_PER_COST);
        self.work = self.work.saturating_sub(work);
        let ran_out = variables.is_some_and(Variables::ran_out_of_work)
            || matches!(&outcome.result, Err(error) if error.is_over_work());
        if ran_out && limits.work < Limits::of_cost(COST_OF_ONE).work {
            return Err(Failure::TooLong);
        }
        let left = self.cost.checked_sub(cost);
        self.cost = left.ok_or(Failure::TooCostly)?;
        outcome.result.map_err(|error| {
            let text = &expression.text;
            Failure::Failed(format!("expression '{text}' resulted in error: {error}"))
        })
    }
}
