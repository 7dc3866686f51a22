//! Evaluation of comprehensions.

use crate::ast::{Comprehension, UNUSED};
use crate::error::EvalError;
use crate::eval::Evaluation;
use crate::value::{Evaluated, Value};

impl<'a> Evaluation<'a> {
    pub(super) fn comprehension(&mut self, parts: &'a Comprehension) -> Evaluated<'a> {
        let depth = self.locals.len();
        let value = self.fold(parts, depth);
        self.locals.truncate(depth);
        value
    }

    fn fold(&mut self, parts: &'a Comprehension, depth: usize) -> Evaluated<'a> {
        let range = self.eval(&parts.range)?;
        let init = self.eval(&parts.init)?;
        self.locals.push(Ok(init));
        match range {
            Value::List(list) if &*parts.var != UNUSED => {
                for (index, element) in list.iter().enumerate() {
                    let element = element?;
                    let going = match &parts.var2 {
                        None => self.step(parts, depth, element, None)?,
                        Some(_) => {
                            self.step(parts, depth, Value::Int(index as i64), Some(element))?
                        }
                    };
                    if !going {
                        break;
                    }
                }
            }
            Value::List(_) => {}
            Value::Map(map) if !map.is_object() => {
                self.meter.reserve_list(map.len() * 2)?;
                for (key, value) in map.iter() {
                    let value = match &parts.var2 {
                        None => None,
                        Some(_) => Some(value?),
                    };
                    if !self.step(parts, depth, key.to_value(), value)? {
                        break;
                    }
                }
            }
            other => {
                let of = other.type_of();
                let message = format!("got '{}', expected iterable type", of.value_name());
                return Err(EvalError::new(message));
            }
        }
        self.locals.truncate(depth + 1);
        self.eval(&parts.result)
    }

    /// Evaluates one iteration. Returns whether to continue.
    fn step(
        &mut self,
        parts: &'a Comprehension,
        depth: usize,
        first: Value<'a>,
        second: Option<Value<'a>>,
    ) -> Result<bool, EvalError> {
        self.locals.truncate(depth + 1);
        self.locals.push(Ok(first));
        self.locals.extend(second.map(Ok));
        if let Value::Bool(false) = self.eval(&parts.condition)? {
            return Ok(false);
        }
        // an error is kept, as a later iteration may determine the result, as with `&&`
        let built = self.eval(&parts.step);
        if built.as_ref().is_err_and(EvalError::is_over_budget) {
            built?;
            return Ok(false);
        }
        if let Some(accu) = self.locals.get_mut(depth) {
            *accu = built;
        }
        Ok(true)
    }
}
