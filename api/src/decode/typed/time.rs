//! Times as Go's `time.Parse` parses the two layouts of Kubernetes, with its messages.
//!
//! Go's parser accepts two things that RFC 3339 does not (an hour of one digit, a comma before the
//! fraction), but it is stricter than most others: no lower-case letters, spaces or leap seconds.

use std::fmt::Write;

use jiff::civil::{Date, Time as TimeOfDay};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// `time.RFC3339`, the layout of `meta/v1.Time`; a fraction is optional.
const SECONDS: &str = "2006-01-02T15:04:05Z07:00";
/// The layout of `meta/v1.MicroTime`, with exactly six digits of fraction.
const MICROS: &str = "2006-01-02T15:04:05.000000Z07:00";

/// The number of significant digits of a fraction.
const NANO_DIGITS: usize = 9;

/// Parses a `meta/v1.Time`; a fraction is dropped.
///
/// # Errors
/// Go's message about the first invalid element.
pub fn seconds(text: &str) -> Result<Timestamp, String> {
    let time = Parser::new(text, SECONDS).time()?;
    let seconds = time.as_nanosecond().div_euclid(1_000_000_000);
    let whole = i64::try_from(seconds).map_err(|_| OUT_OF_RANGE.to_owned())?;
    Timestamp::from_second(whole).map_err(|_| OUT_OF_RANGE.to_owned())
}

/// Parses a `meta/v1.MicroTime`.
pub(super) fn micros(text: &str) -> Result<Timestamp, String> {
    Parser::new(text, MICROS).time()
}

/// Go's message when it encodes such a time as JSON.
const OUT_OF_RANGE: &str = "Time.MarshalJSON: year outside of range [0,9999]";

struct Parser<'t> {
    text: &'t str,
    rest: &'t [u8],
    layout: &'static str,
}

impl<'t> Parser<'t> {
    const fn new(text: &'t str, layout: &'static str) -> Self {
        Self {
            text,
            rest: text.as_bytes(),
            layout,
        }
    }

    fn time(mut self) -> Result<Timestamp, String> {
        let year = self.year()?;
        self.literal(b'-', "-")?;
        let month = self.number("01", true)?;
        if !(1..=12).contains(&month) {
            return Err(self.out_of_range("month"));
        }
        self.literal(b'-', "-")?;
        let day = self.number("02", true)?;
        self.literal(b'T', "T")?;
        let hour = self.below(24, "15", false, "hour")?;
        self.literal(b':', ":")?;
        let minute = self.below(60, "04", true, "minute")?;
        self.literal(b':', ":")?;
        let second = self.below(60, "05", true, "second")?;
        let nanos = self.fraction()?;
        let offset = self.offset()?;
        if !self.rest.is_empty() {
            let extra = quote(self.rest);
            return Err(self.because(&format!(": extra text: {extra}")));
        }
        let date = Date::new(year, month, day).map_err(|_| self.out_of_range("day"))?;
        let time = TimeOfDay::new(hour, minute, second, nanos).map_err(|_| OUT_OF_RANGE)?;
        let local = TimeZone::UTC
            .to_timestamp(date.to_datetime(time))
            .map_err(|_| OUT_OF_RANGE)?;
        local
            .checked_sub(SignedDuration::from_secs(offset))
            .map_err(|_| OUT_OF_RANGE.to_owned())
    }

    fn year(&mut self) -> Result<i16, String> {
        let digits = self
            .rest
            .get(..4)
            .filter(|d| d.iter().all(u8::is_ascii_digit));
        let digits = digits.ok_or_else(|| self.mismatch("2006"))?;
        self.rest = &self.rest[4..];
        Ok(digits
            .iter()
            .fold(0, |year, d| year * 10 + i16::from(d - b'0')))
    }

    fn literal(&mut self, byte: u8, element: &str) -> Result<(), String> {
        match self.rest.split_first() {
            Some((first, rest)) if *first == byte => {
                self.rest = rest;
                Ok(())
            }
            _ => Err(self.mismatch(element)),
        }
    }

    /// Two digits, or one if `fixed` is false.
    fn number(&mut self, element: &str, fixed: bool) -> Result<i8, String> {
        match self.rest {
            [a, b, rest @ ..] if a.is_ascii_digit() && b.is_ascii_digit() => {
                self.rest = rest;
                Ok((a - b'0').cast_signed() * 10 + (b - b'0').cast_signed())
            }
            [a, rest @ ..] if a.is_ascii_digit() && !fixed => {
                self.rest = rest;
                Ok((a - b'0').cast_signed())
            }
            _ => Err(self.mismatch(element)),
        }
    }

    fn below(&mut self, end: i8, element: &str, fixed: bool, name: &str) -> Result<i8, String> {
        let number = self.number(element, fixed)?;
        if number < end {
            Ok(number)
        } else {
            Err(self.out_of_range(name))
        }
    }

    /// The nanoseconds of a fraction, which may have any number of digits or exactly those of the
    /// layout.
    fn fraction(&mut self) -> Result<i32, String> {
        let digits = match self.rest {
            [b'.' | b',', digits @ ..] => digits,
            _ => &[],
        };
        let count = digits.iter().take_while(|d| d.is_ascii_digit()).count();
        let count = if self.layout == SECONDS {
            count
        } else if count < 6 {
            return Err(self.mismatch(".000000"));
        } else {
            6
        };
        if count == 0 {
            return Ok(0);
        }
        self.rest = &self.rest[1 + count..];
        let padded = digits[..count].iter().map(|d| i32::from(d - b'0'));
        let padded = padded.chain(std::iter::repeat(0)).take(NANO_DIGITS);
        Ok(padded.fold(0, |nanos, digit| nanos * 10 + digit))
    }

    /// The offset from UTC in seconds: `Z` or `+hh:mm`.
    fn offset(&mut self) -> Result<i64, String> {
        let element = "Z07:00";
        let (sign, hours, minutes) = match self.rest {
            [b'Z', rest @ ..] => {
                self.rest = rest;
                return Ok(0);
            }
            [sign @ (b'+' | b'-'), a, b, b':', c, d, ..]
                if [a, b, c, d].iter().all(|digit| digit.is_ascii_digit()) =>
            {
                let number =
                    |tens: &u8, ones: &u8| i64::from(tens - b'0') * 10 + i64::from(ones - b'0');
                (*sign, number(a, b), number(c, d))
            }
            _ => return Err(self.mismatch(element)),
        };
        self.rest = &self.rest[6..];
        // Go allows offsets of 24 hours and of 60 minutes
        if hours > 24 {
            return Err(self.out_of_range("time zone offset hour"));
        }
        if minutes > 60 {
            return Err(self.out_of_range("time zone offset minute"));
        }
        let seconds = (hours * 60 + minutes) * 60;
        Ok(if sign == b'-' { -seconds } else { seconds })
    }

    fn mismatch(&self, element: &str) -> String {
        format!(
            "parsing time {} as {}: cannot parse {} as {}",
            quote(self.text.as_bytes()),
            quote(self.layout.as_bytes()),
            quote(self.rest),
            quote(element.as_bytes())
        )
    }

    fn out_of_range(&self, name: &str) -> String {
        self.because(&format!(": {name} out of range"))
    }

    fn because(&self, why: &str) -> String {
        format!("parsing time {}{why}", quote(self.text.as_bytes()))
    }
}

/// Quotes as Go does, with bytes that are not printable ASCII in hexadecimal.
fn quote(text: &[u8]) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for byte in text {
        match byte {
            b'"' | b'\\' => {
                quoted.push('\\');
                quoted.push(char::from(*byte));
            }
            b' '..=b'~' => quoted.push(char::from(*byte)),
            // writing to a string cannot fail
            _ => drop(write!(quoted, "\\x{byte:02x}")),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_precision_of_seconds() {
        for (text, read) in [
            ("2020-01-02T03:04:05Z", "2020-01-02T03:04:05Z"),
            ("2020-01-02T03:04:05.987Z", "2020-01-02T03:04:05Z"),
            ("2020-01-02T03:04:05,5Z", "2020-01-02T03:04:05Z"),
            ("2020-01-02T03:04:05.Z", ""),
            ("2020-01-02T3:04:05Z", "2020-01-02T03:04:05Z"),
            ("2020-01-02T03:04:05+02:00", "2020-01-02T01:04:05Z"),
            ("2020-01-02T03:04:05-24:60", "2020-01-03T04:04:05Z"),
            ("2020-02-29T00:00:00Z", "2020-02-29T00:00:00Z"),
            ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59Z"),
        ] {
            let time = seconds(text).map(|t| t.to_string()).unwrap_or_default();
            assert_eq!(time, read, "{text}");
        }
    }

    #[test]
    fn invalid_times_are_rejected_with_the_messages_of_go() {
        let as_layout = "as \"2006-01-02T15:04:05Z07:00\": cannot parse";
        for (text, why) in [
            ("", format!("{as_layout} \"\" as \"2006\"")),
            ("2020-01-02", format!("{as_layout} \"\" as \"T\"")),
            (
                "2020-01-02t03:04:05z",
                format!("{as_layout} \"t03:04:05z\" as \"T\""),
            ),
            (
                "2020-01-02 03:04:05Z",
                format!("{as_layout} \" 03:04:05Z\" as \"T\""),
            ),
            (
                "2020-1-02T03:04:05Z",
                format!("{as_layout} \"1-02T03:04:05Z\" as \"01\""),
            ),
            ("2020-01-02T03:04Z", format!("{as_layout} \"Z\" as \":\"")),
            (
                "2020-01-02T03:04:05",
                format!("{as_layout} \"\" as \"Z07:00\""),
            ),
            (
                "2020-01-02T03:04:05+0200",
                format!("{as_layout} \"+0200\" as \"Z07:00\""),
            ),
            (
                "2020-01-02T03:04:05Zä",
                ": extra text: \"\\xc3\\xa4\"".to_owned(),
            ),
            ("2020-13-02T03:04:05Z", ": month out of range".to_owned()),
            ("2021-02-29T03:04:05Z", ": day out of range".to_owned()),
            ("2020-01-02T24:04:05Z", ": hour out of range".to_owned()),
            ("2020-01-02T03:04:60Z", ": second out of range".to_owned()),
            (
                "2020-01-02T03:04:05+25:00",
                ": time zone offset hour out of range".to_owned(),
            ),
        ] {
            let error = seconds(text).unwrap_err();
            let start = format!("parsing time {}", quote(text.as_bytes()));
            assert_eq!(
                error.strip_prefix(&*start).map(str::trim_start),
                Some(&*why),
                "{error}"
            );
        }
    }

    #[test]
    fn micro_times_have_six_digits_of_fraction() {
        let time = micros("2020-01-02T03:04:05.123456Z").unwrap();
        assert_eq!(time.to_string(), "2020-01-02T03:04:05.123456Z");
        assert_eq!(
            micros("2020-01-02T03:04:05Z").unwrap_err(),
            "parsing time \"2020-01-02T03:04:05Z\" as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse \"Z\" as \".000000\""
        );
        for text in ["2020-01-02T03:04:05.123Z", "2020-01-02T03:04:05.1234567Z"] {
            assert!(micros(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_out_of_range_are_errors() {
        assert!(seconds("9999-12-31T23:59:59-24:00").is_err());
        assert!(seconds("0000-01-01T00:00:00Z").is_ok());
    }
}
