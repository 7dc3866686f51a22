//! Parsing and formatting of timestamps, durations and numbers.

use std::fmt;

use jiff::SignedDuration;
use jiff::civil::DateTime;

use crate::value::{Duration, Timestamp, Value};

/// The first and the last second of the years 1 to 9999.
const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
const NANOS: i64 = 1_000_000_000;

impl Timestamp {
    /// A timestamp, if it is in CEL's range.
    pub(crate) fn new(seconds: i64, nanos: u32) -> Option<Self> {
        SECONDS
            .contains(&seconds)
            .then_some(Self { seconds, nanos })
    }

    /// Parses RFC 3339 as Go does.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let strict =
            bytes.len() >= 20 && bytes[4] == b'-' && bytes[10] == b'T' && bytes[13] == b':';
        if !strict || !text.is_ascii() {
            return None;
        }
        let (clock, offset) = match text.strip_suffix('Z') {
            Some(clock) => (clock, 0),
            None => {
                let (clock, zone) = text.split_at(text.len() - 6);
                (clock, offset_seconds(zone)?)
            }
        };
        let clock: DateTime = clock.parse().ok()?;
        let since = clock.duration_since(EPOCH);
        let nanos = since.as_nanos() - i128::from(offset) * i128::from(NANOS);
        Self {
            seconds: 0,
            nanos: 0,
        }
        .plus(nanos)
    }

    pub(crate) fn nanos(self) -> i128 {
        i128::from(self.seconds) * i128::from(NANOS) + i128::from(self.nanos)
    }

    pub(crate) fn plus(self, duration: i128) -> Option<Self> {
        let nanos = self.nanos().checked_add(duration)?;
        let seconds = i64::try_from(nanos.div_euclid(i128::from(NANOS))).ok()?;
        Self::new(
            seconds,
            u32::try_from(nanos.rem_euclid(i128::from(NANOS))).ok()?,
        )
    }

    /// The date and the time of day at an offset from UTC in seconds.
    pub(crate) fn clock(self, offset: i32) -> DateTime {
        let since = SignedDuration::new(
            self.seconds.saturating_add(offset.into()),
            self.nanos as i32,
        );
        EPOCH.saturating_add(since)
    }
}

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// The seconds of an offset such as `+01:00`.
fn offset_seconds(zone: &str) -> Option<i32> {
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = zone[1..].split_once(':')?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.clock(0);
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            time.year(),
            time.month(),
            time.day(),
            time.hour(),
            time.minute(),
            time.second()
        )?;
        if self.nanos > 0 {
            let fraction = format!("{:09}", self.nanos);
            write!(f, ".{}", fraction.trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

impl Duration {
    /// Parses Go's notation, such as `1h30m` or `-1.5s`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, mut rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        if rest == "0" {
            return Some(Self(0));
        }
        if rest.is_empty() {
            return None;
        }
        let mut total: i128 = 0;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
            let (number, after) = rest.split_at(digits);
            let unit_end = after
                .find(|c: char| c.is_ascii_digit() || c == '.')
                .unwrap_or(after.len());
            let (unit, after) = after.split_at(unit_end);
            total = total.checked_add(scaled(number, nanos_of(unit)?)?)?;
            rest = after;
        }
        let total = if negative { -total } else { total };
        i64::try_from(total).ok().map(Self)
    }

    pub(crate) fn from_nanos(nanos: i128) -> Option<Self> {
        i64::try_from(nanos).ok().map(Self)
    }
}

fn nanos_of(unit: &str) -> Option<i128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// Multiplies a decimal number by a unit, truncated to nanoseconds.
fn scaled(number: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let whole: i128 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let fraction = &fraction[..fraction.len().min(18)];
    let part: i128 = if fraction.is_empty() {
        0
    } else {
        fraction.parse().ok()?
    };
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    whole
        .checked_mul(unit)?
        .checked_add(part.checked_mul(unit)? / scale)
}

impl fmt::Display for Duration {
    /// In seconds, as in `cel-go`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanos = self.0.unsigned_abs();
        let (seconds, rest) = (nanos / NANOS as u64, nanos % NANOS as u64);
        if rest == 0 {
            return write!(f, "{sign}{seconds}s");
        }
        let fraction = format!("{rest:09}");
        write!(f, "{sign}{seconds}.{}s", fraction.trim_end_matches('0'))
    }
}

/// A double as Go formats it with `%v` and `%g`.
pub(crate) fn double_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-4..1e6).contains(&magnitude) {
        let text = format!("{value:e}");
        return go_exponent(&text);
    }
    format!("{value}")
}

/// Go formats an exponent with a sign and at least two digits.
pub(crate) fn go_exponent(text: &str) -> String {
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text.to_owned();
    };
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// The result of `string()`; `None` for types that it does not accept.
pub(crate) fn text_of(value: &Value<'_>) -> Option<String> {
    Some(match value {
        Value::Bool(_)
        | Value::Int(_)
        | Value::Uint(_)
        | Value::Timestamp(_)
        | Value::Duration(_) => value.to_string(),
        Value::Double(value) => double_text(*value),
        Value::String(text) => text.as_str().to_owned(),
        _ => return None,
    })
}
