//! The evaluator. It recurses into the checked tree, whose depth the parser limits, and counts
//! costs as `cel-go` does.

mod access;
mod fold;
mod make;

use crate::activation::Activation;
use crate::ast::{ACCUMULATOR, Call, Expr, Kind, Literal};
use crate::checked::{Checked, Op, Resolved, Target};
use crate::cost::actual;
use crate::error::EvalError;
use crate::library::{add_values, append, insert_into, matches_with};
use crate::meter::{Limits, Meter};
use crate::value::{Evaluated, Text, Value};

/// One evaluation of an expression.
pub(crate) struct Evaluation<'a> {
    checked: &'a Checked,
    activation: &'a Activation<'a>,
    /// The values of local names; that of an accumulator may be an error.
    locals: Vec<Evaluated<'a>>,
    meter: Meter,
}

impl<'a> Evaluation<'a> {
    pub(crate) fn new(
        checked: &'a Checked,
        activation: &'a Activation<'a>,
        limits: Limits,
    ) -> Self {
        Self {
            checked,
            activation,
            locals: Vec::new(),
            meter: Meter::with_regexes(limits, &checked.annotations.regexes),
        }
    }

    pub(crate) fn run(&mut self) -> Evaluated<'a> {
        let checked = self.checked;
        self.eval(&checked.expr)
    }

    pub(crate) const fn cost(&self) -> u64 {
        self.meter.cost
    }

    pub(crate) const fn work(&self) -> u64 {
        self.meter.work_done()
    }

    fn resolved(&self, expr: &Expr) -> &'a Resolved {
        let checked = self.checked;
        checked.resolved(expr)
    }

    fn eval(&mut self, expr: &'a Expr) -> Evaluated<'a> {
        self.meter.work(1)?;
        let constant = match &expr.kind {
            Kind::Literal(literal) => return Ok(literal_value(literal)),
            // no others are folded
            Kind::Call(_) | Kind::List(_) | Kind::Map(_) => self.checked.constant(expr),
            _ => None,
        };
        if let Some(value) = constant {
            return Ok(value.clone());
        }
        match (self.resolved(expr), &expr.kind) {
            (Resolved::Const(value), _) => Ok((**value).clone()),
            (Resolved::Variable(index), _) => self.variable(*index),
            (Resolved::Local(index), _) => {
                self.meter.charge(1)?;
                self.local(*index)
            }
            (Resolved::Call(target), Kind::Call(call)) => self.call(target, call),
            (_, Kind::Select(select)) => self.select(select),
            (_, Kind::List(elements)) => self.list(elements),
            (_, Kind::Map(entries)) => self.map(entries),
            (_, Kind::Struct(make)) => self.object(expr, make),
            (_, Kind::Comprehension(parts)) => self.comprehension(parts),
            (_, Kind::Call(_)) => Err(EvalError::no_such_overload()),
            (_, Kind::Literal(_) | Kind::Ident(_)) => Err(EvalError::new("invalid attribute")),
        }
    }

    fn variable(&mut self, index: u16) -> Evaluated<'a> {
        self.meter.charge(1)?;
        let (checked, activation) = (self.checked, self.activation);
        let at = usize::from(index);
        let variable = checked
            .variables
            .get(at)
            .ok_or_else(|| EvalError::new("invalid attribute"))?;
        activation.value(at, variable).unwrap_or_else(|| {
            Err(EvalError::new(format!(
                "no such attribute(s): {}",
                variable.name
            )))
        })
    }

    fn local(&self, index: u16) -> Evaluated<'a> {
        let value = self.locals.get(usize::from(index)).cloned();
        value.unwrap_or_else(|| Err(EvalError::new("invalid attribute")))
    }

    fn call(&mut self, target: &'a Target, call: &'a Call) -> Evaluated<'a> {
        match (target.op, &call.args[..]) {
            (Op::And, [a, b]) => self.logical(a, b, false),
            (Op::Or, [a, b]) => self.logical(a, b, true),
            (Op::Conditional, [condition, one, other]) => match self.eval(condition)? {
                Value::Bool(true) => self.branch(one),
                Value::Bool(false) => self.branch(other),
                _ => Err(EvalError::no_such_overload()),
            },
            (Op::NotStrictlyFalse, [value]) => {
                let value = self.eval(value);
                self.meter.charge(1)?;
                match value {
                    Ok(Value::Bool(false)) => Ok(Value::Bool(false)),
                    Err(error) if error.is_over_budget() => Err(error),
                    _ => Ok(Value::Bool(true)),
                }
            }
            (Op::Index, [operand, index]) => self.index(operand, index, false),
            (Op::OptionalIndex, [operand, index]) => self.index(operand, index, true),
            (Op::OptionalSelect, [operand, field]) => self.optional_select(operand, field),
            (Op::OptionalOr | Op::OptionalOrValue, [other]) => self.or(call, other, target.op),
            (Op::Add | Op::MapInsert, [accu, rest @ ..]) if is_accumulator(accu) => {
                self.accumulate(accu, rest, target)
            }
            _ => self.function(call, target),
        }
    }

    /// `&&` and `||`: if one side determines the result, an error of the other is ignored.
    fn logical(&mut self, a: &'a Expr, b: &'a Expr, decides: bool) -> Evaluated<'a> {
        let first = self.eval(a);
        match &first {
            Ok(Value::Bool(value)) if *value == decides => return first,
            Err(error) if error.is_over_budget() => return first,
            _ => {}
        }
        let second = self.eval(b)?;
        match (first, second) {
            (_, Value::Bool(value)) if value == decides => Ok(Value::Bool(value)),
            (Err(error), _) => Err(error),
            (Ok(Value::Bool(_)), Value::Bool(value)) => Ok(Value::Bool(value)),
            _ => Err(EvalError::no_such_overload()),
        }
    }

    fn function(&mut self, call: &'a Call, target: &'a Target) -> Evaluated<'a> {
        let receiver = if target.namespaced {
            None
        } else {
            call.target.as_ref()
        };
        // most functions have one or two arguments, which need no allocation
        match (receiver, &call.args[..]) {
            (Some(only), []) | (None, [only]) => {
                let args = [self.eval(only)?];
                self.with_args(target, &args)
            }
            (Some(first), [second]) | (None, [first, second]) => {
                let args = [self.eval(first)?, self.eval(second)?];
                self.with_args(target, &args)
            }
            (receiver, others) => {
                let exprs = receiver.into_iter().chain(others);
                let args = exprs
                    .map(|arg| self.eval(arg))
                    .collect::<Result<Vec<_>, _>>()?;
                self.with_args(target, &args)
            }
        }
    }

    fn with_args(&mut self, target: &'a Target, args: &[Value<'a>]) -> Evaluated<'a> {
        let value = self.apply(target, args)?;
        let cost = actual(target.price, args, &value, &mut self.meter)?;
        self.meter.charge(cost)?;
        Ok(value)
    }

    fn apply(&mut self, target: &Target, args: &[Value<'a>]) -> Evaluated<'a> {
        if let (Some(regex), [Value::String(text), _]) = (&target.regex, args) {
            return matches_with(&mut self.meter, text.as_str(), regex);
        }
        match target.overloads[..] {
            [overload] => (overload.run)(&mut self.meter, args),
            _ => match target
                .overloads
                .iter()
                .find(|overload| overload.accepts(args))
            {
                Some(overload) => (overload.run)(&mut self.meter, args),
                None => Err(EvalError::no_such_overload()),
            },
        }
    }

    /// Adds to the accumulator of a comprehension in place, as it is not shared.
    fn accumulate(
        &mut self,
        accu: &'a Expr,
        rest: &'a [Expr],
        target: &'a Target,
    ) -> Evaluated<'a> {
        let Resolved::Local(index) = self.resolved(accu) else {
            return Err(EvalError::no_such_overload());
        };
        let mut values = Vec::with_capacity(rest.len());
        for expr in rest {
            values.push(self.eval(expr)?);
        }
        self.meter.charge(1)?;
        let Some(slot) = self.locals.get_mut(usize::from(*index)) else {
            return Err(EvalError::new("invalid attribute"));
        };
        let built = std::mem::replace(slot, Ok(Value::Null))?;
        self.meter.charge(1)?;
        if target.op == Op::MapInsert {
            return insert_into(&mut self.meter, built, &values);
        }
        match &values[..] {
            [Value::List(one)] if one.len() == 1 && matches!(built, Value::List(_)) => {
                let element = one.get(0).unwrap_or(Ok(Value::Null))?;
                append(&mut self.meter, built, element)
            }
            [value] => add_values(&mut self.meter, &[built, value.clone()]),
            _ => Err(EvalError::no_such_overload()),
        }
    }
}

/// Whether an expression is the accumulator of a macro, which is not a valid name in expressions.
fn is_accumulator(expr: &Expr) -> bool {
    matches!(&expr.kind, Kind::Ident(name) if &**name == ACCUMULATOR)
}

fn literal_value(literal: &Literal) -> Value<'_> {
    match literal {
        Literal::Null => Value::Null,
        Literal::Bool(value) => Value::Bool(*value),
        Literal::Int(value) => Value::Int(*value),
        Literal::Uint(value) => Value::Uint(*value),
        Literal::Double(value) => Value::Double(*value),
        Literal::String(text) => Value::String(Text::Borrowed(text)),
        Literal::Bytes(bytes) => Value::Bytes(bytes.clone()),
    }
}
