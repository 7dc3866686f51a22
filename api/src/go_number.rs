//! Numbers as Go's `encoding/json` writes and reads them.

use serde_json::Number;

/// A `float64` as JSON: without an exponent unless it is tiny or huge, and without a fraction if it is whole.
pub fn json_float(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-6..1e21).contains(&magnitude) {
        return value.to_string();
    }
    let text = format!("{value:e}");
    match magnitude < 1.0 {
        true => text,
        false => text.replace('e', "e+"),
    }
}

/// What Go reads after it has written a number: an integer if it is whole and fits `int64`, or else a `float64`.
pub fn reread(number: Number) -> Number {
    /// The first number that is too large for `int64`.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if number.is_i64() {
        return number;
    }
    let float = number.as_f64().unwrap_or_default();
    if float.fract() == 0.0 && (-LIMIT..LIMIT).contains(&float) {
        #[allow(clippy::cast_possible_truncation, reason = "it is whole and in range")]
        let whole = float as i64;
        return whole.into();
    }
    Number::from_f64(float).unwrap_or(number)
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
        assert!(number(2.5).is_f64() && number(1e19).is_f64());
        let large = reread(Number::from(u64::MAX));
        assert_eq!(json(&large), "18446744073709552000");
        assert_eq!(
            json(&Number::from(9_007_199_254_740_993_i64)),
            "9007199254740993"
        );
    }
}
