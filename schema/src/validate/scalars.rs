//! Strings, numbers, and enums.

use portcullis_api::FieldError;
use portcullis_api::field_error::{BadValue, go_quote};
use portcullis_api::go_number;
use serde_json::{Number, Value};

use super::Walk;
use super::outcome::Outcome;
use super::types::is_whole_float;
use crate::arena::{Check, NodeRef};
use crate::location::Location;
use crate::value::{bad_value, float, number};

impl Walk<'_> {
    /// Checks length and pattern, of which only the first violation is reported, and the format.
    pub(super) fn string(
        &self,
        node: NodeRef<'_>,
        text: &str,
        location: &Location<'_>,
        out: &mut Outcome,
    ) {
        out.matched(1);
        let mut reported = false;
        for check in node.checks() {
            match *check {
                Check::MaxLength(max) if !reported && longer(text, max) => {
                    reported = true;
                    let max = usize::try_from(max).unwrap_or_default();
                    out.fail(true, || FieldError::too_long(&self.path(location), max));
                }
                Check::MinLength(min) if !reported && longer_or_equal(text, min).is_none() => {
                    reported = true;
                    self.invalid(
                        location,
                        text,
                        &format!("should be at least {min} chars long"),
                        out,
                    );
                }
                Check::Pattern(pattern) if !reported => {
                    let Some(pattern) = node.pattern(pattern).filter(|p| !p.matches(text)) else {
                        continue;
                    };
                    self.invalid(
                        location,
                        text,
                        &format!("should match '{}'", pattern.source()),
                        out,
                    );
                }
                Check::Format(format, name) => {
                    out.matched(1);
                    if !format.accepts(text) {
                        let name = node.schema.text(name);
                        let detail = format!("must be of type {name}: {}", go_quote(text));
                        self.invalid_of(location, text, &detail, true, out);
                    }
                }
                _ => {}
            }
        }
    }

    pub(super) fn number(
        &self,
        node: NodeRef<'_>,
        value: &Number,
        location: &Location<'_>,
        out: &mut Outcome,
    ) {
        out.matched(2);
        for check in node.checks() {
            let fault = match *check {
                Check::MultipleOf(factor) => multiple_of(value, factor.get(), location),
                Check::Minimum(bound) => lower(value, bound.get(), false),
                Check::ExclusiveMinimum(bound) => lower(value, bound.get(), true),
                Check::Maximum(bound) => upper(value, bound.get(), false),
                Check::ExclusiveMaximum(bound) => upper(value, bound.get(), true),
                _ => None,
            };
            match fault {
                Some(Fault::Value(text)) => {
                    self.invalid(location, BadValue::go(number(value)), &text, out)
                }
                Some(Fault::Factor(text, factor)) => {
                    out.fail(false, || {
                        FieldError::invalid(&self.path(location), factor, text)
                    });
                }
                None => {}
            }
        }
    }

    /// Checks an enum; as in Go, numbers are converted to the type of the choice.
    pub(super) fn choices(
        &self,
        node: NodeRef<'_>,
        value: &Value,
        location: &Location<'_>,
        out: &mut Outcome,
    ) {
        for check in node.checks() {
            let Check::Enum(choices) = check else {
                continue;
            };
            let choices = node.choices(*choices);
            if choices.iter().any(|choice| is_choice(value, choice)) {
                continue;
            }
            out.fail(true, || {
                let texts: Vec<String> = choices.iter().map(choice_text).collect();
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                FieldError::not_supported(&self.path(location), bad_value(value), &texts)
            });
        }
    }
}

enum Fault {
    Value(String),
    /// The factor of the schema is invalid.
    Factor(String, BadValue),
}

fn longer(text: &str, max: i64) -> bool {
    usize::try_from(max).map_or(true, |max| text.chars().nth(max).is_some())
}

fn longer_or_equal(text: &str, min: i64) -> Option<()> {
    match usize::try_from(min) {
        Err(_) | Ok(0) => Some(()),
        Ok(min) => text.chars().nth(min - 1).map(|_| ()),
    }
}

/// As in Go, an integer is compared with the integer part of a bound.
#[allow(
    clippy::cast_possible_truncation,
    reason = "saturating, as Go's conversion"
)]
fn whole(bound: f64) -> i64 {
    bound as i64
}

fn lower(value: &Number, bound: f64, exclusive: bool) -> Option<Fault> {
    let text = if exclusive {
        "should be greater than"
    } else {
        "should be greater than or equal to"
    };
    match value.as_i64() {
        Some(v) => {
            let bound = whole(bound);
            (v < bound || exclusive && v == bound).then(|| Fault::Value(format!("{text} {bound}")))
        }
        None => {
            let v = value.as_f64().unwrap_or_default();
            let ok = if exclusive { v > bound } else { v >= bound };
            (!ok).then(|| Fault::Value(format!("{text} {}", float(bound))))
        }
    }
}

fn upper(value: &Number, bound: f64, exclusive: bool) -> Option<Fault> {
    let text = if exclusive {
        "should be less than"
    } else {
        "should be less than or equal to"
    };
    match value.as_i64() {
        Some(v) => {
            let bound = whole(bound);
            (v > bound || exclusive && v == bound).then(|| Fault::Value(format!("{text} {bound}")))
        }
        None => {
            let v = value.as_f64().unwrap_or_default();
            let ok = if exclusive { v < bound } else { v <= bound };
            (!ok).then(|| Fault::Value(format!("{text} {}", float(bound))))
        }
    }
}

fn multiple_of(value: &Number, factor: f64, location: &Location<'_>) -> Option<Fault> {
    let not_positive = |factor: String| {
        let text = format!(
            "factor MultipleOf declared for {} must be positive: {factor}",
            location.dotted()
        );
        Some(Fault::Factor(text, BadValue::go(factor)))
    };
    let wrong = |factor: String| Some(Fault::Value(format!("should be a multiple of {factor}")));
    match value.as_i64() {
        Some(v) => match whole(factor) {
            f if f <= 0 => not_positive(f.to_string()),
            f if v % f != 0 => wrong(f.to_string()),
            _ => None,
        },
        None if factor <= 0.0 => not_positive(float(factor)),
        None => {
            let v = value.as_f64().unwrap_or_default();
            let times = if factor < 1.0 {
                1.0 / factor * v
            } else {
                v / factor
            };
            if is_whole_float(times) {
                None
            } else {
                wrong(float(factor))
            }
        }
    }
}

#[allow(clippy::float_cmp, reason = "a choice is met exactly or not at all")]
fn is_choice(value: &Value, choice: &Value) -> bool {
    match (value, choice) {
        (Value::Null, _) | (_, Value::Null) => false,
        (Value::Number(v), Value::Number(c)) => match (c.as_i64(), v.as_i64()) {
            (Some(c), Some(v)) => c == v,
            (Some(c), None) => v.as_f64().is_some_and(|v| whole(v) == c),
            (None, _) => v.as_f64() == c.as_f64(),
        },
        _ => value == choice,
    }
}

fn choice_text(choice: &Value) -> String {
    match choice {
        Value::String(text) => text.clone(),
        Value::Number(number) => go_number::json(number),
        other => other.to_string(),
    }
}
