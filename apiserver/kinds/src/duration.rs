//! Durations in Go's notation, such as `1h30m` or `-1.5s`.
//!
//! Upstream: `time.ParseDuration`, which has the same error texts.

use std::fmt::Write as _;
use std::time::Duration;

/// Units in nanoseconds.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("h", 3600 * 1_000_000_000),
];
/// The digits after the point that count: as many as fit into 63 bits.
const FRACTION_DIGITS: usize = 18;

/// The nanoseconds of a duration.
///
/// # Errors
/// Why the text is invalid.
pub fn parse(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {}", quote(text));
    let negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0_i128;
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, after) = after.strip_prefix('.').map_or(("", after), digits);
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let end = after.find(|c: char| c == '.' || c.is_ascii_digit());
        let (unit, after) = after.split_at(end.unwrap_or(after.len()));
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {}", quote(text)));
        }
        let known = UNITS.iter().find(|(name, _)| *name == unit);
        let (_, unit) = known.ok_or_else(|| {
            let (unit, text) = (quote(unit), quote(text));
            format!("time: unknown unit {unit} in duration {text}")
        })?;
        total += nanoseconds(whole, fraction, (*unit).into()).ok_or_else(invalid)?;
        rest = after;
        if total > 1 << 63 {
            return Err(invalid());
        }
    }
    let total = if negative { -total } else { total };
    i64::try_from(total).map_err(|_| invalid())
}

/// A duration as Go prints it, such as `1m30.5s` or `612.5ms` (`time.Duration.String`).
pub fn format(duration: Duration) -> String {
    let (seconds, nanoseconds) = (duration.as_secs(), duration.subsec_nanos());
    if seconds == 0 {
        return match nanoseconds {
            0 => "0s".to_owned(),
            1..1_000 => format!("{nanoseconds}ns"),
            1_000..1_000_000 => format!("{}µs", decimal(0, nanoseconds.into(), 1_000)),
            _ => format!("{}ms", decimal(0, nanoseconds.into(), 1_000_000)),
        };
    }
    let last = decimal(seconds % 60, nanoseconds.into(), 1_000_000_000);
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) => format!("{last}s"),
        (0, minutes) => format!("{minutes}m{last}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{last}s"),
    }
}

/// A number of units and parts of one, without zeros at its end.
fn decimal(whole: u64, parts: u64, per_unit: u64) -> String {
    let (whole, parts) = (whole + parts / per_unit, parts % per_unit);
    let digits = per_unit.ilog10() as usize;
    let text = format!("{whole}.{parts:0digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The digits a text begins with, and the rest of it.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

/// `whole.fraction` times `unit`; `None` if that is far out of range.
fn nanoseconds(whole: &str, fraction: &str, unit: i128) -> Option<i128> {
    let fraction = &fraction[..fraction.len().min(FRACTION_DIGITS)];
    let number = |digits: &str| -> Option<i128> {
        if digits.is_empty() {
            return Some(0);
        }
        digits.parse::<u64>().ok().map(i128::from)
    };
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    Some(number(whole)? * unit + number(fraction)? * unit / scale)
}

/// Quotes as `time` does: bytes that are not printable ASCII are escaped one by one.
fn quote(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        if !c.is_ascii() || c < ' ' {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(out, "\\x{byte:02x}");
            }
            continue;
        }
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_parsed_as_in_go() {
        for (text, nanoseconds) in [
            ("0", 0),
            ("-0", 0),
            ("+5s", 5_000_000_000),
            ("1h2m3.5s", 3_723_500_000_000),
            ("-1.5h", -5_400_000_000_000),
            (".5ms", 500_000),
            ("5.s", 5_000_000_000),
            ("1µs2us3ns", 3_003),
            ("0.3333333333333333333h", 1_199_999_999_999),
            ("9223372036854775807ns", i64::MAX),
            ("-9223372036854775808ns", i64::MIN),
        ] {
            assert_eq!(parse(text), Ok(nanoseconds), "{text}");
        }
    }

    #[test]
    fn durations_are_printed_as_in_go() {
        for (nanoseconds, text) in [
            (0, "0s"),
            (7, "7ns"),
            (1_500, "1.5µs"),
            (612_340_000, "612.34ms"),
            (1_000_000_000, "1s"),
            (10_000_000_000, "10s"),
            (90_050_000_000, "1m30.05s"),
            (3_600_000_000_001, "1h0m0.000000001s"),
        ] {
            assert_eq!(format(Duration::from_nanos(nanoseconds)), text);
            assert_eq!(parse(text).map(|n| n.unsigned_abs()), Ok(nanoseconds));
        }
    }

    #[test]
    fn errors_quote_the_invalid_duration() {
        for (text, why) in [
            ("", "invalid duration \"\""),
            ("-", "invalid duration \"-\""),
            ("abc", "invalid duration \"abc\""),
            (".s", "invalid duration \".s\""),
            ("1s.", "invalid duration \"1s.\""),
            ("5", "missing unit in duration \"5\""),
            ("1.5.5s", "missing unit in duration \"1.5.5s\""),
            ("5x", "unknown unit \"x\" in duration \"5x\""),
            (
                "1\"é\n",
                "unknown unit \"\\\"\\xc3\\xa9\\x0a\" in duration \"1\\\"\\xc3\\xa9\\x0a\"",
            ),
            ("2562048h", "invalid duration \"2562048h\""),
            (
                "9223372036854775808ns",
                "invalid duration \"9223372036854775808ns\"",
            ),
            (
                "99999999999999999999s",
                "invalid duration \"99999999999999999999s\"",
            ),
        ] {
            assert_eq!(parse(text), Err(format!("time: {why}")), "{text}");
        }
    }
}
