//! Named expressions, which other expressions use as variables.
//!
//! Upstream: `k8s.io/apiserver/pkg/admission/plugin/cel/composition.go`.

use std::cell::{Cell, OnceCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::activation::{Activation, Lazy};
use crate::decl::DeclType;
use crate::env::Environment;
use crate::error::EvalError;
use crate::meter::Limits;
use crate::program::Program;
use crate::source::CompileError;
use crate::types::Type;
use crate::value::{Evaluated, Key, Map, Text, Value};

/// The name of all variables together, and of their type.
const ALL: &str = "variables";
const TYPE: &str = "kubernetes.variables";
/// How deeply the evaluation of variables that depend on each other may nest. Beyond that, the dependencies
/// of a variable are evaluated before it, so that the stack suffices.
const NESTED_MAX: usize = 4;

/// Named expressions, in order. Each may use those before it.
#[derive(Clone, Debug, Default)]
pub struct Composition {
    variables: Vec<Arc<Definition>>,
}

#[derive(Debug)]
struct Definition {
    name: Box<str>,
    /// The name in expressions: `variables.NAME`.
    path: Box<str>,
    of: Type,
    /// An invalid expression fails whenever it is used.
    program: Result<Program, String>,
    /// The positions of the variables that it uses.
    uses: Vec<usize>,
    /// The length of the longest chain of dependencies.
    depth: usize,
}

impl Composition {
    /// Defines a variable. The environment declares everything except the variables.
    ///
    /// # Errors
    /// The error of the expression. The variable is defined nevertheless, with a dynamic type.
    pub fn define(
        &mut self,
        environment: &Environment,
        name: &str,
        expression: &str,
    ) -> Result<(), CompileError> {
        let compiled = self.declared_in(environment).compile(expression);
        let used: BTreeSet<_> = match &compiled {
            Ok(program) => program.variables().collect(),
            Err(_) => BTreeSet::new(),
        };
        let uses: Vec<_> = match used.contains(ALL) {
            true => (0..self.variables.len()).collect(),
            false => used.iter().filter_map(|path| self.position(path)).collect(),
        };
        let below = uses.iter().filter_map(|at| self.variables.get(*at));
        let depth = below.map(|of| of.depth + 1).max().unwrap_or_default();
        let of = compiled.as_ref().map(|p| p.result_type().clone());
        let failed = compiled.as_ref().err().cloned();
        self.variables.push(Arc::new(Definition {
            name: name.into(),
            path: format!("{ALL}.{name}").into(),
            of: of.unwrap_or(Type::Dyn),
            program: compiled.map_err(|error| format!("compilation failed: {error}")),
            uses,
            depth,
        }));
        failed.map_or(Ok(()), Err)
    }

    /// Whether no variable is defined.
    pub const fn is_empty(&self) -> bool {
        self.variables.is_empty()
    }

    /// Whether any of the variables refers to a variable of the environment.
    pub fn uses(&self, variable: &str) -> bool {
        let programs = self.variables.iter().map(|of| of.program.as_ref());
        programs.flatten().any(|program| program.uses(variable))
    }

    /// An environment in which expressions may also use the variables.
    pub fn declared_in(&self, environment: &Environment) -> Environment {
        let fields = self.variables.iter().map(|variable| {
            let decl = DeclType::from(&variable.of);
            (variable.name.to_string(), decl)
        });
        let all = DeclType::object(TYPE, fields);
        let mut declared = environment.clone().with_variable(ALL, all);
        for variable in &self.variables {
            let of = variable.of.clone();
            declared = declared.with(&variable.path, DeclType::any(), of);
        }
        declared
    }

    /// Variables for several evaluations, which share the values. `all` limits all variables together; each
    /// is evaluated at most once, with `each` as its own limit of cost.
    pub fn variables(&self, all: Limits, each: u64) -> Variables<'_> {
        Variables {
            composition: self,
            values: self.variables.iter().map(|_| OnceCell::new()).collect(),
            left: Cell::new(all),
            each,
            spent: Cell::default(),
            ran_out: Cell::default(),
        }
    }

    /// The position of the variable with a path; the last, if there are several.
    fn position(&self, path: &str) -> Option<usize> {
        self.variables.iter().rposition(|v| *v.path == *path)
    }
}

/// The values of variables, computed on first use.
pub struct Variables<'a> {
    composition: &'a Composition,
    values: Vec<OnceCell<Evaluated<'a>>>,
    left: Cell<Limits>,
    each: u64,
    spent: Cell<Spent>,
    ran_out: Cell<bool>,
}

/// The cost and work of evaluations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// The cost, as upstream counts it.
    pub cost: u64,
    /// The steps of work.
    pub work: u64,
}

impl fmt::Debug for Variables<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variables").finish_non_exhaustive()
    }
}

impl<'a> Variables<'a> {
    /// The cost and work spent on variables since the last call.
    pub fn take_spent(&self) -> Spent {
        self.spent.take()
    }

    /// Whether a variable exceeded the limit of work.
    pub const fn ran_out_of_work(&self) -> bool {
        self.ran_out.get()
    }

    fn at(&'a self, at: usize, activation: &'a Activation<'a>) -> Evaluated<'a> {
        let undefined = || Err(EvalError::new("undefined variable"));
        let (Some(cell), Some(of)) = (self.values.get(at), self.composition.variables.get(at))
        else {
            return undefined();
        };
        if cell.get().is_none() && of.depth > NESTED_MAX {
            for below in self.below(at) {
                self.one(below, activation);
            }
        }
        self.one(at, activation);
        cell.get().cloned().unwrap_or_else(undefined)
    }

    /// The direct and indirect dependencies of a variable, each after its own dependencies.
    fn below(&self, at: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut open = vec![at];
        while let Some(next) = open.pop() {
            let uses = self.composition.variables.get(next);
            for below in uses.iter().flat_map(|of| &of.uses) {
                if found.insert(*below) {
                    open.push(*below);
                }
            }
        }
        found
    }

    /// Evaluates a variable, unless that has been done.
    fn one(&'a self, at: usize, activation: &'a Activation<'a>) {
        if let (Some(cell), Some(of)) = (self.values.get(at), self.composition.variables.get(at)) {
            cell.get_or_init(|| self.evaluate(of, activation));
        }
    }

    fn evaluate(&self, of: &'a Definition, activation: &'a Activation<'a>) -> Evaluated<'a> {
        let failed = |how: &str, why: &dyn fmt::Display| {
            let name = &of.name;
            EvalError::new(format!(
                "composited variable {name:?} fails to {how}: {why}"
            ))
        };
        let program = of.program.as_ref().map_err(|why| failed("compile", why))?;
        let left = self.left.get();
        let limits = Limits::of_cost(self.each.min(left.cost)).within(left.work);
        let outcome = program.evaluate(activation, limits);
        // the cost of variables within this one is already counted
        let left = self.left.get();
        self.left.set(Limits {
            cost: left.cost.saturating_sub(outcome.cost),
            work: left.work.saturating_sub(outcome.work),
        });
        let spent = self.spent.get();
        self.spent.set(Spent {
            cost: spent.cost.saturating_add(outcome.cost),
            work: spent.work.saturating_add(outcome.work),
        });
        outcome.result.map_err(|why| {
            self.ran_out.set(self.ran_out.get() || why.is_over_work());
            failed("evaluate", &why)
        })
    }

    /// All variables as one value, for expressions that do not name one.
    fn all(&'a self, activation: &'a Activation<'a>) -> Evaluated<'a> {
        let mut entries = BTreeMap::new();
        for (at, of) in self.composition.variables.iter().enumerate() {
            let value = self.at(at, activation)?;
            entries.insert(Key::String(Text::Borrowed(&of.name)), value);
        }
        Ok(Value::Map(Map::made(entries)))
    }
}

impl<'a> Lazy<'a> for Variables<'a> {
    fn value(&'a self, name: &str, activation: &'a Activation<'a>) -> Option<Evaluated<'a>> {
        if name == ALL {
            return Some(self.all(activation));
        }
        let at = self.composition.position(name)?;
        Some(self.at(at, activation))
    }
}

impl<'a> Activation<'a> {
    /// Binds the variables of a composition.
    #[must_use]
    pub fn with_variables(self, variables: &'a Variables<'a>) -> Self {
        self.with_lazy(variables)
    }
}

#[cfg(test)]
mod tests;
