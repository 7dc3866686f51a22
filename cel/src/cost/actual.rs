//! The actual cost of calls, from their arguments and result.

use crate::cost::size::{CostEstimate, scaled};
use crate::error::EvalError;
use crate::meter::Meter;
use crate::price::{LIST, Price, REGEX, STRUCT, TRAVERSAL};
use crate::value::Value;
use crate::value::opaque::Opaque;

/// The cost of a call.
///
/// # Errors
/// If computing it exceeds the limit of work of the evaluation.
pub(crate) fn actual(
    price: Price,
    args: &[Value<'_>],
    result: &Value<'_>,
    meter: &mut Meter,
) -> Result<u64, EvalError> {
    let size = |index: usize| args.get(index).map_or(1, |value| value.size() as u64);
    Ok(match price {
        Price::Nothing => 0,
        Price::Fixed(cost) => cost,
        Price::Scan(times) => scaled(size(0), f64::from(times) * TRAVERSAL),
        Price::Traversal => match args.first() {
            Some(value) => traversal(value, meter)?,
            None => 0,
        },
        Price::Join => scaled(result.size() as u64, 2.0 * TRAVERSAL),
        Price::Find | Price::Matches => {
            let text = scaled(size(0).saturating_add(1), TRAVERSAL);
            text.saturating_mul(scaled(size(1), REGEX))
        }
        Price::Contains => scaled(size(0), TRAVERSAL).saturating_mul(scaled(size(1), TRAVERSAL)),
        Price::Concat => scaled(size(0).saturating_add(size(1)), TRAVERSAL),
        Price::InList => size(1),
        Price::Equal if matches!(args.first(), Some(Value::Opaque(_))) => 1,
        Price::Equal | Price::Compare => scaled(size(0).min(size(1)), TRAVERSAL),
        Price::Selector => selector(CostEstimate::fixed(size(1))).max,
        Price::ContainsIp(text) => {
            scaled(size(0) * 2, TRAVERSAL) + if text { scaled(size(1), TRAVERSAL) } else { 0 }
        }
        Price::ContainsCidr(text) => {
            let parsed = if text { scaled(size(1), TRAVERSAL) } else { 0 };
            scaled(size(0) * 2, TRAVERSAL) + scaled(size(0), TRAVERSAL) + 1 + parsed
        }
        Price::Validate => validate(args, size(1)),
        Price::ListOutput => allocation(1.0, result.size() as u64),
        Price::Flatten => {
            let depth = match args.get(1) {
                Some(Value::Int(depth)) => *depth as f64,
                _ => 1.0,
            };
            allocation(depth, size(0))
        }
        Price::SelfCompare(index) => {
            self_compare(args.get(usize::from(index)), size(usize::from(index)))
        }
        Price::Sets(times) => {
            let pairs = size(0).saturating_mul(size(1));
            pairs.saturating_mul(times.into()).saturating_add(1)
        }
    })
}

fn validate(args: &[Value<'_>], text: u64) -> u64 {
    let Some(Value::Opaque(opaque)) = args.first() else {
        return 1;
    };
    let Opaque::Format(format) = &**opaque else {
        return 1;
    };
    scaled(text.saturating_add(1), TRAVERSAL).saturating_mul(scaled(format.regex_size, REGEX))
}

fn allocation(factor: f64, size: u64) -> u64 {
    ((size as f64 * factor) as u64)
        .saturating_add(1)
        .saturating_add(LIST)
}

fn self_compare(list: Option<&Value<'_>>, size: u64) -> u64 {
    let first = match list {
        Some(Value::List(list)) => list.get(0),
        _ => None,
    };
    let factor = match first {
        Some(Ok(Value::String(_) | Value::Bytes(_))) => 2.0 + TRAVERSAL,
        _ => 2.0,
    };
    allocation(factor, size.saturating_mul(size))
}

/// The cost of parsing a selector: of its text, and of a requirement for every two characters.
pub(super) fn selector(length: CostEstimate) -> CostEstimate {
    let requirements = length.scaled(0.5).scaled((LIST + STRUCT) as f64);
    CostEstimate::fixed(LIST)
        .plus(length.scaled(TRAVERSAL))
        .plus(requirements)
}

/// The cost of traversing a value.
fn traversal(value: &Value<'_>, meter: &mut Meter) -> Result<u64, EvalError> {
    meter.work(1)?;
    let text = |bytes: usize| (bytes as f64 * TRAVERSAL) as u64;
    Ok(match value {
        Value::String(value) => text(value.as_str().len()),
        Value::Bytes(bytes) => text(bytes.len()),
        Value::List(list) => {
            let mut cost = 0_u64;
            for element in list.iter() {
                cost = cost.saturating_add(traversal(&element?, meter)?);
            }
            cost
        }
        Value::Map(map) => {
            let mut cost = 0_u64;
            for (key, value) in map.iter() {
                cost = cost.saturating_add(traversal(&key.to_value(), meter)?);
                cost = cost.saturating_add(traversal(&value?, meter)?);
            }
            cost
        }
        _ => 1,
    })
}
