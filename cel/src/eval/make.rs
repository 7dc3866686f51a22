//! Evaluation of list, map and object literals.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ast::{Element, Entry, Expr, Struct};
use crate::checked::Resolved;
use crate::error::EvalError;
use crate::eval::Evaluation;
use crate::price::{LIST, MAP, STRUCT};
use crate::value::{Entries, Evaluated, Key, Map, Text, Value};

impl<'a> Evaluation<'a> {
    pub(super) fn list(&mut self, elements: &'a [Element]) -> Evaluated<'a> {
        let mut values = Vec::with_capacity(elements.len());
        for element in elements {
            let value = self.eval(&element.value)?;
            if !element.optional {
                values.push(value);
                continue;
            }
            match value {
                Value::Optional(held) => values.extend(held.map(|held| (*held).clone())),
                other => {
                    return Err(EvalError::new(format!(
                        "cannot initialize optional list element from non-optional value {other}"
                    )));
                }
            }
        }
        self.meter.reserve_list(values.len())?;
        self.meter.charge(LIST)?;
        Ok(Value::values(values))
    }

    pub(super) fn map(&mut self, entries: &'a [Entry]) -> Evaluated<'a> {
        let mut map = BTreeMap::new();
        for entry in entries {
            let key = self.eval(&entry.key)?;
            let value = self.eval(&entry.value)?;
            let Some(value) = held(&key, value, entry.optional)? else {
                continue;
            };
            let map_key = Key::of(&key).ok_or_else(|| {
                let of = key.type_of();
                EvalError::new(format!("unsupported key type: {}", of.value_name()))
            })?;
            if map.insert(map_key, value).is_some() {
                return Err(EvalError::new(format!(
                    "insert failed: key {key} already exists"
                )));
            }
        }
        self.meter.reserve_list(map.len() * 2)?;
        self.meter.charge(MAP)?;
        Ok(Value::Map(Map::made(map)))
    }

    pub(super) fn object(&mut self, expr: &'a Expr, make: &'a Struct) -> Evaluated<'a> {
        let Resolved::Object(object) = self.resolved(expr) else {
            return Err(EvalError::no_such_overload());
        };
        let mut entries = BTreeMap::new();
        for field in &make.fields {
            let value = self.eval(&field.value)?;
            let name = Value::String(Text::Borrowed(&field.name));
            if let Some(value) = held(&name, value, field.optional)? {
                let json_name = object
                    .field(&field.name)
                    .map_or(&*field.name, |f| f.json_name());
                entries.insert(Key::String(Text::Borrowed(json_name)), value);
            }
        }
        self.meter.reserve_list(entries.len() * 2)?;
        self.meter.charge(STRUCT)?;
        let object = Some(Arc::clone(object));
        Ok(Value::Map(Map::Values(Arc::new(Entries {
            object,
            entries,
        }))))
    }
}

/// The value of an entry; `None` for an optional one without a value.
fn held<'a>(
    key: &Value<'a>,
    value: Value<'a>,
    optional: bool,
) -> Result<Option<Value<'a>>, EvalError> {
    if !optional {
        return Ok(Some(value));
    }
    match value {
        Value::Optional(held) => Ok(held.map(|held| (*held).clone())),
        other => Err(EvalError::new(format!(
            "cannot initialize optional entry '{key}' from non-optional value {other}"
        ))),
    }
}
