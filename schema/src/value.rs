//! Formats JSON values in error messages as Go does.

use std::fmt::Write as _;

use portcullis_api::field_error::{BadValue, go_quote};
use serde_json::{Number, Value};

/// The exponent from which Go's `%v` formats a `float64` in scientific notation.
const EXPONENT: i32 = 6;

/// The invalid value of a field error.
pub(crate) fn bad_value(value: &Value) -> BadValue {
    match value {
        Value::Null => BadValue::null(),
        Value::Bool(v) => (*v).into(),
        Value::Number(v) => BadValue::go(number(v)),
        Value::String(v) => v.into(),
        Value::Array(_) | Value::Object(_) => BadValue::go(syntax(value)),
    }
}

/// The value in Go's syntax (`%#v`).
fn syntax(value: &Value) -> String {
    let mut out = String::new();
    write_syntax(value, &mut out);
    out
}

fn write_syntax(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("interface {}(nil)"),
        Value::Bool(v) => {
            let _ = write!(out, "{v}");
        }
        Value::Number(v) => out.push_str(&number(v)),
        Value::String(v) => out.push_str(&go_quote(v)),
        Value::Array(items) => {
            out.push_str("[]interface {}{");
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                write_syntax(item, out);
            }
            out.push('}');
        }
        Value::Object(fields) => {
            out.push_str("map[string]interface {}{");
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by_key(|(name, _)| *name);
            for (i, (name, field)) in sorted.into_iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                out.push_str(&go_quote(name));
                out.push(':');
                write_syntax(field, out);
            }
            out.push('}');
        }
    }
}

/// A number as `%v` formats it: as an integer if it fits `int64`, or else as a `float64`.
pub(crate) fn number(value: &Number) -> String {
    match value.as_i64() {
        Some(integer) => integer.to_string(),
        None => float(value.as_f64().unwrap_or_default()),
    }
}

/// A `float64` as `%v` formats it.
pub(crate) fn float(value: f64) -> String {
    let scientific = format!("{value:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..EXPONENT).contains(&exponent) {
        return value.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_formatted_in_gos_syntax() {
        for (value, text) in [
            (
                json!({"b": [1, 2.5], "a": null}),
                r#"map[string]interface {}{"a":interface {}(nil), "b":[]interface {}{1, 2.5}}"#,
            ),
            (json!([true, "x"]), r#"[]interface {}{true, "x"}"#),
        ] {
            assert_eq!(syntax(&value), text);
        }
        assert_eq!(float(1e21), "1e+21");
        assert_eq!(float(123_456_789.0), "1.23456789e+08");
        assert_eq!(float(999_999.0), "999999");
        assert_eq!(float(0.000_01), "1e-05");
        assert_eq!(float(30.75), "30.75");
        assert_eq!(number(&Number::from(u64::MAX)), "1.8446744073709552e+19");
    }
}
