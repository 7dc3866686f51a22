//! `format`, as in version 2 of the strings extension of `cel-go`, in the locale `en_US`.

use crate::error::EvalError;
use crate::library::mismatch;
use crate::meter::Meter;
use crate::value::{Evaluated, List, Map, Value, text_of};

/// The number of decimals, unless the clause specifies it.
const PRECISION: usize = 6;
/// Upstream has no limit, but all digits beyond the precision of a double are zero.
const MAX_PRECISION: usize = 1_100;

type Formatted = Result<String, EvalError>;

/// `'%d items'.format([3])`.
pub(super) fn format<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    let [Value::String(template), Value::List(values)] = args else {
        return mismatch();
    };
    let mut rest = template.as_str();
    let mut out = String::new();
    let mut index = 0;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix('%') {
            out.push('%');
            rest = behind;
            continue;
        }
        let Some(value) = values.get(index) else {
            return Err(EvalError::new(format!("index {index} out of range")));
        };
        let (clause, behind) = Clause::parse(rest)?;
        let formatted = clause.apply(meter, &value?).map_err(|e| {
            if e.is_over_budget() {
                e
            } else {
                EvalError::new(format!("error during formatting: {e}"))
            }
        })?;
        meter.reserve(formatted.len())?;
        out.push_str(&formatted);
        index += 1;
        rest = behind;
    }
    out.push_str(rest);
    meter.reserve(out.len())?;
    Ok(Value::text(out))
}

struct Clause {
    kind: char,
    precision: usize,
}

impl Clause {
    fn parse(text: &str) -> Result<(Self, &str), EvalError> {
        let wrong =
            |why: String| EvalError::new(format!("could not parse formatting clause: {why}"));
        if text.is_empty() {
            return Err(EvalError::new("unexpected end of string"));
        }
        let (precision, behind) = match text.strip_prefix('.') {
            None => (PRECISION, text),
            Some(digits) => {
                let unended = "could not find end of precision specifier";
                let end = digits
                    .find(|c: char| !c.is_ascii_digit())
                    .ok_or_else(|| wrong(format!("error while parsing precision: {unended}")))?;
                let number = digits[..end].parse::<usize>().map_err(|_| {
                    let why = format!(
                        "error while converting precision to integer: strconv.Atoi: parsing {:?}: invalid syntax",
                        &digits[..end]
                    );
                    wrong(format!("error while parsing precision: {why}"))
                })?;
                (number, &digits[end..])
            }
        };
        let kind = behind.chars().next().unwrap_or_default();
        if !"sdfebxXo".contains(kind) {
            return Err(wrong(format!("unrecognized formatting clause \"{kind}\"")));
        }
        Ok((
            Self {
                kind,
                precision: precision.min(MAX_PRECISION),
            },
            &behind[1..],
        ))
    }

    fn apply(&self, meter: &mut Meter, value: &Value<'_>) -> Formatted {
        match (self.kind, value) {
            ('s', _) => plain(meter, value),
            ('d', Value::Int(_) | Value::Uint(_)) => Ok(value.to_string()),
            ('f', _) => Ok(grouped(&format!(
                "{:.*}",
                self.precision,
                double(value, "fixed-point")?
            ))),
            ('e', _) => Ok(scientific(double(value, "scientific")?, self.precision)),
            ('b', Value::Int(v)) => Ok(signed(*v, |v| format!("{v:b}"))),
            ('b', Value::Uint(v)) => Ok(format!("{v:b}")),
            ('b', Value::Bool(v)) => Ok(u8::from(*v).to_string()),
            ('o', Value::Int(v)) => Ok(signed(*v, |v| format!("{v:o}"))),
            ('o', Value::Uint(v)) => Ok(format!("{v:o}")),
            ('x' | 'X', _) => self.hex(meter, value),
            ('d', _) => Err(wrong_type("decimal", "integers", value)),
            ('b', _) => Err(wrong_type("binary", "integers and bools", value)),
            _ => Err(wrong_type("octal", "integers", value)),
        }
    }

    fn hex(&self, meter: &mut Meter, value: &Value<'_>) -> Formatted {
        let bytes = |meter: &mut Meter, bytes: &[u8]| {
            meter.reserve(bytes.len() * 2)?;
            meter.work(bytes.len() / 4)?;
            Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
        };
        let text: String = match value {
            Value::Int(v) => signed(*v, |v| format!("{v:x}")),
            Value::Uint(v) => format!("{v:x}"),
            Value::String(text) => bytes(meter, text.as_str().as_bytes())?,
            Value::Bytes(b) => bytes(meter, b)?,
            _ => {
                return Err(wrong_type(
                    "hex",
                    "integers, byte buffers, and strings",
                    value,
                ));
            }
        };
        Ok(if self.kind == 'X' {
            text.to_uppercase()
        } else {
            text
        })
    }
}

fn wrong_type(clause: &str, only: &str, value: &Value<'_>) -> EvalError {
    let of = value.type_of();
    let given = of.value_name();
    EvalError::new(format!(
        "{clause} clause can only be used on {only}, was given {given}"
    ))
}

fn signed(value: i64, digits: impl Fn(u64) -> String) -> String {
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{}", digits(value.unsigned_abs()))
}

fn double(value: &Value<'_>, clause: &str) -> Result<f64, EvalError> {
    match value {
        Value::Double(value) => Ok(*value),
        Value::String(text) => match text.as_str() {
            "NaN" => Ok(f64::NAN),
            "Infinity" => Ok(f64::INFINITY),
            "-Infinity" => Ok(f64::NEG_INFINITY),
            _ => Err(wrong_type(clause, "doubles", value)),
        },
        _ => Err(wrong_type(clause, "doubles", value)),
    }
}

/// Infinities and NaN, as Go's printer for a locale formats them.
fn special(text: &str) -> Option<String> {
    match text {
        "inf" => Some("∞".to_owned()),
        "-inf" => Some("-∞".to_owned()),
        "NaN" => Some("NaN".to_owned()),
        _ => None,
    }
}

/// Groups digits by thousands.
fn grouped(number: &str) -> String {
    if let Some(special) = special(number) {
        return special;
    }
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", number),
    };
    let whole = digits.split('.').next().unwrap_or_default();
    let mut out = sign.to_owned();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out.push_str(&digits[whole.len()..]);
    out
}

/// `1.05×10⁰³`.
fn scientific(value: f64, precision: usize) -> String {
    let text = format!("{value:.precision$e}");
    if let Some(special) = special(&text) {
        return special;
    }
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ("⁻", digits),
        None => ("", exponent),
    };
    const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let digits = format!("{digits:0>2}");
    let raised: String = digits
        .bytes()
        .map(|d| RAISED[usize::from(d.saturating_sub(b'0').min(9))])
        .collect();
    format!("{mantissa}×10{sign}{raised}")
}

/// `%s` of a value.
fn plain(meter: &mut Meter, value: &Value<'_>) -> Formatted {
    meter.work(1)?;
    match value {
        Value::List(list) => list_text(meter, list),
        Value::Map(map) if !map.is_object() => map_text(meter, map),
        Value::Null => Ok("null".to_owned()),
        Value::Type(of) => Ok(of.value_name().to_owned()),
        Value::Bytes(bytes) => Ok(String::from_utf8_lossy(bytes).into_owned()),
        other => text_of(other).ok_or_else(|| {
            wrong_type(
                "string",
                "strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps",
                other,
            )
        }),
    }
}

/// A value in a list or map.
fn inner(meter: &mut Meter, value: &Value<'_>) -> Formatted {
    let formatted = match value {
        Value::String(text) => format!("{:?}", text.as_str()),
        Value::Bytes(bytes) => format!("b{:?}", String::from_utf8_lossy(bytes)),
        Value::Timestamp(time) => format!("timestamp(\"{time}\")"),
        Value::Duration(duration) => format!("duration(\"{duration}\")"),
        Value::Double(value) if value.is_finite() => format!("{value:.PRECISION$}"),
        Value::Double(value) => format!("{:?}", Value::Double(*value).to_string()),
        Value::Type(of) => format!("type({})", of.value_name()),
        Value::Opaque(_) | Value::Optional(_) => {
            let of = value.type_of();
            let message = format!("no formatting function for {}", of.value_name());
            return Err(EvalError::new(message));
        }
        other => plain(meter, other)?,
    };
    meter.reserve(formatted.len())?;
    Ok(formatted)
}

fn list_text(meter: &mut Meter, list: &List<'_>) -> Formatted {
    let mut parts = Vec::new();
    for value in list.iter() {
        parts.push(inner(meter, &value?)?);
    }
    Ok(format!("[{}]", parts.join(", ")))
}

fn map_text(meter: &mut Meter, map: &Map<'_>) -> Formatted {
    let mut parts = Vec::new();
    for (key, value) in map.iter() {
        let key = inner(meter, &key.to_value())?;
        let value = inner(meter, &value?)?;
        parts.push((key, value));
    }
    parts.sort();
    let parts: Vec<String> = parts
        .into_iter()
        .map(|(key, value)| format!("{key}:{value}"))
        .collect();
    Ok(format!("{{{}}}", parts.join(", ")))
}
