//! Constant folding; in `cel-go`, folded constants have no cost.

use std::collections::BTreeMap;

use crate::ast::{Element, Entry, Expr, Kind, Literal};
use crate::checked::{Annotations, Op, Resolved};
use crate::library::is_conversion;
use crate::meter::Meter;
use crate::price::Price;
use crate::value::{Entries, Key, Map, Text, Value};

/// The cost that folding an expression may take in total.
const BUDGET: u64 = 100_000;

/// Folds a checked tree, starting with its leaves.
pub(crate) fn fold(expr: &Expr, annotations: &mut Annotations) {
    Folder {
        annotations,
        meter: Meter::new(BUDGET),
    }
    .fold(expr);
}

struct Folder<'f> {
    annotations: &'f mut Annotations,
    meter: Meter,
}

impl Folder<'_> {
    fn fold(&mut self, expr: &Expr) {
        expr.children(|child| self.fold(child));
        let folded = match &expr.kind {
            Kind::List(elements) => self.list(elements),
            Kind::Map(entries) => self.map(entries),
            Kind::Call(_) => self.call(expr),
            _ => None,
        };
        if let Some(value) = folded {
            self.annotations.constants.insert(expr.id, value);
        }
    }

    fn constant(&self, expr: &Expr) -> Option<Value<'static>> {
        if let Kind::Literal(literal) = &expr.kind {
            return Some(literal_value(literal));
        }
        if let Resolved::Const(value) = &self.annotations.resolved[expr.id as usize] {
            return Some((**value).clone());
        }
        self.annotations.constants.get(&expr.id).cloned()
    }

    fn list(&self, elements: &[Element]) -> Option<Value<'static>> {
        let element = |e: &Element| {
            if e.optional {
                None
            } else {
                self.constant(&e.value)
            }
        };
        elements
            .iter()
            .map(element)
            .collect::<Option<_>>()
            .map(Value::values)
    }

    fn map(&self, entries: &[Entry]) -> Option<Value<'static>> {
        let mut map = BTreeMap::new();
        for entry in entries {
            let key = Key::of(&self.constant(&entry.key)?)?;
            let value = self.constant(&entry.value).filter(|_| !entry.optional)?;
            // errors are left to the evaluation
            if map.insert(key, value).is_some() {
                return None;
            }
        }
        Some(Value::Map(Map::Values(Entries::of(map))))
    }

    fn call(&mut self, expr: &Expr) -> Option<Value<'static>> {
        let Kind::Call(call) = &expr.kind else {
            return None;
        };
        let Resolved::Call(target) = &self.annotations.resolved[expr.id as usize] else {
            return None;
        };
        if target.price == Price::InList {
            return self.membership(expr, &call.args);
        }
        let [overload] = target.overloads[..] else {
            return None;
        };
        let [arg] = &call.args[..] else { return None };
        if target.op != Op::Other || !is_conversion(&target.name) || call.target.is_some() {
            return None;
        }
        let arg = self.constant(arg)?;
        // errors are left to the evaluation
        (overload.run)(&mut self.meter, &[arg]).ok()
    }

    /// A search in a list of constants has no cost.
    fn membership(&mut self, expr: &Expr, args: &[Expr]) -> Option<Value<'static>> {
        let [_, list] = args else { return None };
        let Value::List(values) = self.constant(list)? else {
            return None;
        };
        if values.len() == 0 {
            return Some(Value::Bool(false));
        }
        let primitive = |value: Value<'static>| {
            matches!(
                value,
                Value::Bool(_)
                    | Value::Int(_)
                    | Value::Uint(_)
                    | Value::Double(_)
                    | Value::String(_)
            )
        };
        if values.iter().all(|value| value.is_ok_and(primitive))
            && let Resolved::Call(target) = &mut self.annotations.resolved[expr.id as usize]
        {
            target.price = Price::Nothing;
        }
        None
    }
}

fn literal_value(literal: &Literal) -> Value<'static> {
    match literal {
        Literal::Null => Value::Null,
        Literal::Bool(value) => Value::Bool(*value),
        Literal::Int(value) => Value::Int(*value),
        Literal::Uint(value) => Value::Uint(*value),
        Literal::Double(value) => Value::Double(*value),
        Literal::String(text) => Value::String(Text::Shared(text.clone())),
        Literal::Bytes(bytes) => Value::Bytes(bytes.clone()),
    }
}
