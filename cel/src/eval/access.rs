//! Access to fields, elements and entries.

use crate::ast::{Call, Expr, Kind, Select};
use crate::checked::{Op, Resolved};
use crate::error::EvalError;
use crate::eval::Evaluation;
use crate::value::{Evaluated, Value};

impl<'a> Evaluation<'a> {
    /// Whether an expression is an attribute of `cel-go`: a name and selections from it, which it
    /// evaluates together.
    fn is_attribute(&self, expr: &Expr) -> bool {
        match (&expr.kind, self.resolved(expr)) {
            (_, Resolved::Variable(_) | Resolved::Local(_)) | (Kind::Select(_), _) => true,
            (_, Resolved::Call(target)) => matches!(
                target.op,
                Op::Index | Op::OptionalIndex | Op::OptionalSelect | Op::Conditional
            ),
            _ => false,
        }
    }

    /// Charges for a selection, and for a new attribute unless the operand is one already.
    fn begin(&mut self, operand: &Expr, selection: u64) -> Result<(), EvalError> {
        let begins = u64::from(!self.is_attribute(operand));
        self.meter.charge(begins + selection)
    }

    /// Evaluates a branch of a conditional, which is part of the conditional's attribute if it is
    /// one.
    pub(super) fn branch(&mut self, expr: &'a Expr) -> Evaluated<'a> {
        let value = self.eval(expr)?;
        let nested =
            matches!(self.resolved(expr), Resolved::Call(target) if target.op == Op::Conditional);
        if self.is_attribute(expr) && !nested {
            self.meter.cost = self.meter.cost.saturating_sub(1);
        }
        Ok(value)
    }

    pub(super) fn select(&mut self, select: &'a Select) -> Evaluated<'a> {
        let operand = self.eval(&select.operand)?;
        self.begin(&select.operand, u64::from(!select.test))?;
        if select.test {
            return self.presence(&operand, &select.field);
        }
        if let Value::Optional(held) = &operand {
            let Some(held) = held else {
                return Ok(Value::Optional(None));
            };
            return optional(field(held, &select.field)?);
        }
        match field(&operand, &select.field)? {
            Some(value) => Ok(value),
            None => Err(EvalError::no_such_key(&select.field)),
        }
    }

    /// `has()`, which has no cost besides that of its operand.
    fn presence(&mut self, operand: &Value<'a>, name: &str) -> Evaluated<'a> {
        let found = match operand {
            Value::Map(map) => map.has(name),
            Value::Optional(None) => false,
            Value::Optional(Some(held)) => return self.presence(held, name),
            _ => return Err(EvalError::no_such_overload()),
        };
        Ok(Value::Bool(found))
    }

    pub(super) fn optional_select(&mut self, operand: &'a Expr, name: &'a Expr) -> Evaluated<'a> {
        self.begin(operand, 1)?;
        let operand = self.eval(operand)?;
        let name = self.eval(name)?;
        let Some(name) = name.as_str() else {
            return Err(EvalError::no_such_overload());
        };
        match &operand {
            Value::Optional(None) => Ok(Value::Optional(None)),
            Value::Optional(Some(held)) => optional(field(held, name)?),
            other => optional(field(other, name)?),
        }
    }

    pub(super) fn index(
        &mut self,
        operand: &'a Expr,
        index: &'a Expr,
        wants_optional: bool,
    ) -> Evaluated<'a> {
        self.begin(operand, 1)?;
        let operand = self.eval(operand)?;
        let index = self.eval(index)?;
        match &operand {
            Value::Optional(None) => Ok(Value::Optional(None)),
            Value::Optional(Some(held)) => optional(element(held, &index)?),
            other if wants_optional => optional(element(other, &index)?),
            other => match element(other, &index)? {
                Some(value) => Ok(value),
                None if matches!(other, Value::List(_)) => {
                    Err(EvalError::new(format!("index out of bounds: {index}")))
                }
                None => Err(EvalError::no_such_key(&index)),
            },
        }
    }

    /// `or` and `orValue`, which evaluate the other value only if the first is missing.
    pub(super) fn or(&mut self, call: &'a Call, other: &'a Expr, op: Op) -> Evaluated<'a> {
        let Some(target) = &call.target else {
            return Err(EvalError::no_such_overload());
        };
        let first = self.eval(target)?;
        let value = match first {
            Value::Optional(None) => self.eval(other)?,
            Value::Optional(Some(held)) if op == Op::OptionalOrValue => (*held).clone(),
            Value::Optional(Some(_)) => first,
            _ => return Err(EvalError::no_such_overload()),
        };
        Ok(value)
    }
}

fn optional(value: Option<Value<'_>>) -> Evaluated<'_> {
    Ok(value.map_or(Value::Optional(None), Value::some))
}

fn field<'a>(operand: &Value<'a>, name: &str) -> Result<Option<Value<'a>>, EvalError> {
    match operand {
        Value::Map(map) => map.field(name).transpose(),
        Value::Null => Err(EvalError::no_such_key(name)),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn element<'a>(operand: &Value<'a>, index: &Value<'a>) -> Result<Option<Value<'a>>, EvalError> {
    match operand {
        Value::Map(map) => map.get(index).transpose(),
        Value::List(list) => {
            let position = match index {
                Value::Int(position) => usize::try_from(*position).ok(),
                Value::Uint(position) => usize::try_from(*position).ok(),
                Value::Double(position) if position.fract() == 0.0 && *position >= 0.0 => {
                    Some(*position as usize)
                }
                other => {
                    let of = other.type_of();
                    let message = format!("unsupported index type '{}' in list", of.value_name());
                    return Err(EvalError::new(message));
                }
            };
            position.and_then(|position| list.get(position)).transpose()
        }
        _ => Err(EvalError::no_such_overload()),
    }
}
