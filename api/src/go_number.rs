//! Numbers as Go's `encoding/json` writes and reads them.

use serde_json::{Number, Value};

/// A `float64` as JSON: without an exponent unless it is tiny or huge, and without a fraction if it is whole.
pub fn json_float(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude == 0.0 {
        return "0".to_owned(); // of a negative zero the sign is lost when it is read again
    }
    if (1e-6..1e21).contains(&magnitude) {
        return value.to_string();
    }
    let text = format!("{value:e}");
    match magnitude < 1.0 {
        true => text,
        false => text.replace('e', "e+"),
    }
}

/// What is read after Go has written a number: an integer if it is whole and fits one, or else a `float64`.
pub fn reread(number: Number) -> Number {
    /// The first number that is too large for `int64`.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    /// The first that is too large for what this server reads into.
    const LIMIT_UNSIGNED: f64 = 2.0 * LIMIT;
    if number.is_i64() {
        return number;
    }
    let float = number.as_f64().unwrap_or_default();
    if float.fract() == 0.0 && (-LIMIT..LIMIT).contains(&float) {
        #[allow(clippy::cast_possible_truncation, reason = "it is whole and in range")]
        let whole = float as i64;
        return whole.into();
    }
    if (LIMIT..LIMIT_UNSIGNED).contains(&float) {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is whole and in range"
        )]
        let whole = float as u64;
        return whole.into();
    }
    Number::from_f64(float).unwrap_or(number)
}

/// Makes each number in a value what is read after Go has written it.
pub fn reread_all(value: &mut Value) {
    match value {
        Value::Number(number) if !number.is_i64() => *number = reread(number.clone()),
        Value::Array(items) => items.iter_mut().for_each(reread_all),
        Value::Object(fields) => fields.values_mut().for_each(reread_all),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A number as JSON.
pub fn json(number: &Number) -> String {
    match number.as_i64() {
        Some(whole) => whole.to_string(),
        None => json_float(number.as_f64().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_are_for_what_is_tiny_or_huge() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (2.0, "2"),
            (2.5, "2.5"),
            (-1e-7, "-1e-7"),
            (0.000_01, "0.00001"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
        ] {
            assert_eq!(json_float(value), text);
        }
    }

    #[test]
    fn whole_numbers_are_read_as_integers() {
        let number = |value: f64| reread(Number::from_f64(value).unwrap());
        assert_eq!(number(2.0), Number::from(2));
        assert_eq!(number(-1e18), Number::from(-1_000_000_000_000_000_000_i64));
        assert_eq!(number(-0.0), Number::from(0));
        assert!(number(2.5).is_f64() && number(2e19).is_f64());
        for whole in [1e19, 10_000_000_000_000_000_000_u64 as f64] {
            let text = json_float(whole);
            assert_eq!(
                serde_json::from_str::<Number>(&text).unwrap(),
                number(whole)
            );
        }
        let large = reread(Number::from(u64::MAX));
        assert_eq!(json(&large), "18446744073709552000");
        assert_eq!(
            json(&Number::from(9_007_199_254_740_993_i64)),
            "9007199254740993"
        );
    }
}
