//! Evaluates the steps of an expression.

use std::cmp::Ordering;

use serde_json::Value;

use super::{FOUND_MAX, Filter, Operand, Operator, Step};

pub(super) fn find<'v>(steps: &[Step], root: &'v Value) -> Vec<&'v Value> {
    follow(steps, root, root)
}

fn follow<'v>(steps: &[Step], from: &'v Value, root: &'v Value) -> Vec<&'v Value> {
    let mut found = vec![from];
    for step in steps {
        let mut next = Vec::new();
        for value in found {
            take(step, value, root, &mut next);
            if next.len() >= FOUND_MAX {
                break;
            }
        }
        found = next;
        if found.is_empty() {
            break;
        }
    }
    found
}

fn take<'v>(step: &Step, value: &'v Value, root: &'v Value, out: &mut Vec<&'v Value>) {
    match step {
        Step::Field(name) => out.extend(value.get(&**name)),
        Step::Wildcard => out.extend(children(value)),
        Step::Recursive => below(value, out),
        Step::Index(index) => out.extend(at(value, *index)),
        Step::Slice { start, end, step } => slice(value, *start, *end, *step, out),
        Step::Union(steps) => {
            for step in steps {
                take(step, value, root, out);
            }
        }
        Step::Filter(filter) => {
            let items = value.as_array().into_iter().flatten();
            out.extend(items.filter(|item| holds(filter, item, root)));
        }
    }
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(fields) => fields.values().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn below<'v>(value: &'v Value, out: &mut Vec<&'v Value>) {
    if out.len() >= FOUND_MAX {
        return;
    }
    out.push(value);
    for child in children(value) {
        below(child, out);
    }
}

fn at(value: &Value, index: i64) -> Option<&Value> {
    let items = value.as_array()?;
    let position = match usize::try_from(index) {
        Ok(position) => position,
        Err(_) => items
            .len()
            .checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?,
    };
    items.get(position)
}

fn slice<'v>(
    value: &'v Value,
    start: Option<i64>,
    end: Option<i64>,
    step: i64,
    out: &mut Vec<&'v Value>,
) {
    let Some(items) = value.as_array() else {
        return;
    };
    let len = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let bound = |bound: i64| {
        if bound < 0 {
            (len.saturating_add(bound)).max(0)
        } else {
            bound.min(len)
        }
    };
    let start = usize::try_from(bound(start.unwrap_or(0))).unwrap_or_default();
    let end = usize::try_from(bound(end.unwrap_or(len))).unwrap_or_default();
    let step = usize::try_from(step).unwrap_or(1);
    out.extend(
        items
            .get(start..end)
            .unwrap_or_default()
            .iter()
            .step_by(step),
    );
}

fn holds(filter: &Filter, item: &Value, root: &Value) -> bool {
    let value = |operand: &Operand| -> Option<Value> {
        match operand {
            Operand::Literal(value) => Some(value.clone()),
            Operand::Path { from_root, steps } => {
                let from = if *from_root { root } else { item };
                follow(steps, from, root).first().map(|v| (*v).clone())
            }
        }
    };
    let Some(left) = value(&filter.left) else {
        return false;
    };
    match &filter.comparison {
        None => true,
        Some((operator, right)) => {
            value(right).is_some_and(|right| compare(*operator, &left, &right))
        }
    }
}

fn compare(operator: Operator, left: &Value, right: &Value) -> bool {
    let ordering = match (left, right) {
        (Value::Number(l), Value::Number(r)) => {
            let (l, r) = (
                l.as_f64().unwrap_or_default(),
                r.as_f64().unwrap_or_default(),
            );
            l.partial_cmp(&r)
        }
        (Value::String(l), Value::String(r)) => Some(l.cmp(r)),
        (Value::Bool(l), Value::Bool(r)) => Some(l.cmp(r)),
        _ => None,
    };
    ordering.is_some_and(|ordering| match operator {
        Operator::Equal => ordering == Ordering::Equal,
        Operator::NotEqual => ordering != Ordering::Equal,
        Operator::Less => ordering == Ordering::Less,
        Operator::LessOrEqual => ordering != Ordering::Greater,
        Operator::Greater => ordering == Ordering::Greater,
        Operator::GreaterOrEqual => ordering != Ordering::Less,
    })
}
