//! Quantities such as `500m` or `2Gi`: parsing, arithmetic, and Go's canonical form.
//!
//! Upstream: `k8s.io/apimachinery/pkg/api/resource/quantity.go`. Amounts are stored in nanos; as
//! upstream, finer ones are rounded up.

use std::cmp::Ordering;
use std::fmt;
use std::ops::{Add, Sub};

const NANO: i128 = 1_000_000_000;
const DECIMAL_SUFFIXES: [(&str, i32); 10] = [
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];
const BINARY_SUFFIXES: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/// The notation in which a quantity was written, which its canonical form keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    BinarySi,
    DecimalSi,
    DecimalExponent,
}

/// An amount, with a precision of one billionth.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    nanos: i128,
    format: Format,
}

/// Why a quantity could not be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// It is not a number followed by a suffix.
    #[error(
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    )]
    Format,
    /// The suffix is unknown.
    #[error("unable to parse quantity's suffix")]
    Suffix,
}

impl Quantity {
    /// Zero.
    pub const ZERO: Self = Self {
        nanos: 0,
        format: Format::DecimalSi,
    };

    /// Parses a quantity.
    ///
    /// # Errors
    /// [`QuantityError`], with upstream's messages.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        let end = digits
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(digits.len());
        let (number, suffix) = digits.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
            return Err(QuantityError::Format);
        }
        let (format, scale) = Scale::parse(suffix)?;
        let nanos = scale.nanos(whole, fraction);
        let nanos = if text.starts_with('-') { -nanos } else { nanos };
        Ok(Self { nanos, format })
    }

    /// A whole number of units.
    pub const fn from_units(units: i64) -> Self {
        Self {
            nanos: units as i128 * NANO,
            format: Format::DecimalSi,
        }
    }

    /// The amount in billionths.
    pub const fn nanos(self) -> i128 {
        self.nanos
    }

    /// The amount in whole units, rounded up.
    pub const fn units_rounded_up(self) -> i128 {
        -((-self.nanos).div_euclid(NANO))
    }

    /// The amount in thousandths, rounded up.
    pub const fn millis_rounded_up(self) -> i128 {
        -((-self.nanos).div_euclid(NANO / 1000))
    }

    /// The amount in whole units, rounded up, as a quantity.
    #[must_use]
    pub const fn to_units(self) -> Self {
        Self {
            nanos: self.units_rounded_up() * NANO,
            ..self
        }
    }

    /// The amount in thousandths, rounded up, as a quantity.
    #[must_use]
    pub const fn to_millis(self) -> Self {
        Self {
            nanos: self.millis_rounded_up() * (NANO / 1000),
            ..self
        }
    }

    /// The same amount, formatted in decimal whatever its original notation.
    #[must_use]
    pub const fn in_decimal(self) -> Self {
        Self {
            format: Format::DecimalSi,
            ..self
        }
    }

    /// Whether the amount is below zero.
    pub const fn is_negative(self) -> bool {
        self.nanos < 0
    }

    /// Whether the amount is zero.
    pub const fn is_zero(self) -> bool {
        self.nanos == 0
    }

    fn write_binary(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut units = self.units_rounded_up();
        let mut step = 0;
        while units % 1024 == 0 && step + 1 < BINARY_SUFFIXES.len() {
            units /= 1024;
            step += 1;
        }
        write!(f, "{units}{}", BINARY_SUFFIXES[step])
    }

    /// The amount as a whole number times a power of ten, with the largest exponent that is a
    /// multiple of three.
    fn thousands(self) -> (i128, i32) {
        let (mut amount, mut exponent) = (self.nanos, -9);
        while amount % 1000 == 0 && exponent < 18 {
            amount /= 1000;
            exponent += 3;
        }
        (amount, exponent)
    }
}

/// The factor of a suffix.
enum Scale {
    PowerOfTen(i32),
    PowerOf1024(u32),
}

impl Scale {
    fn parse(suffix: &str) -> Result<(Format, Self), QuantityError> {
        if let Some(step) = BINARY_SUFFIXES.iter().skip(1).position(|s| *s == suffix) {
            let power = u32::try_from(step + 1).map_err(|_| QuantityError::Suffix)?;
            return Ok((Format::BinarySi, Self::PowerOf1024(power)));
        }
        if let Some((_, exponent)) = DECIMAL_SUFFIXES.iter().find(|(s, _)| *s == suffix) {
            return Ok((Format::DecimalSi, Self::PowerOfTen(*exponent)));
        }
        if let Some(exponent) = suffix.strip_prefix(['e', 'E']) {
            let exponent: i32 = exponent.parse().map_err(|_| QuantityError::Suffix)?;
            return Ok((
                Format::DecimalExponent,
                Self::PowerOfTen(exponent.clamp(-30, 30)),
            ));
        }
        let known = |c: char| "eEinumkKMGTP+-".contains(c) || c.is_ascii_digit();
        Err(if suffix.chars().all(known) {
            QuantityError::Suffix
        } else {
            QuantityError::Format
        })
    }

    /// The amount in nanos, rounded up, and capped where upstream's arithmetic would overflow.
    fn nanos(&self, whole: &str, fraction: &str) -> i128 {
        // more digits are below one nano even with the largest suffix
        let fraction = &fraction[..fraction.len().min(27)];
        let Ok(mantissa) = format!("{whole}{fraction}").parse::<i128>() else {
            return CAP;
        };
        let digits = i32::try_from(fraction.len()).unwrap_or_default();
        match self {
            Self::PowerOfTen(exponent) => shift_ten(mantissa, exponent + 9 - digits),
            Self::PowerOf1024(power) => match mantissa.checked_mul(1024_i128.pow(*power)) {
                Some(scaled) => shift_ten(scaled, 9 - digits),
                None => CAP,
            },
        }
        .min(CAP)
    }
}

/// Upstream's largest amount, 2^63-1, in nanos.
const CAP: i128 = i64::MAX as i128 * NANO;

fn shift_ten(value: i128, by: i32) -> i128 {
    let Some(power) = 10_i128.checked_pow(by.unsigned_abs()) else {
        return if by > 0 && value > 0 {
            CAP
        } else {
            i128::from(value > 0)
        };
    };
    if by >= 0 {
        value.checked_mul(power).unwrap_or(CAP)
    } else {
        -((-value).div_euclid(power))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nanos == 0 {
            return f.write_str("0");
        }
        let (amount, exponent) = self.thousands();
        match self.format {
            // upstream formats small or fractional binary amounts in decimal
            Format::BinarySi if self.nanos.abs() >= 1024 * NANO && self.nanos % NANO == 0 => {
                self.write_binary(f)
            }
            Format::DecimalExponent if exponent == 0 => write!(f, "{amount}"),
            Format::DecimalExponent => write!(f, "{amount}e{exponent}"),
            Format::BinarySi | Format::DecimalSi => {
                let suffix = DECIMAL_SUFFIXES
                    .iter()
                    .find(|(_, e)| *e == exponent)
                    .map_or("", |(s, _)| s);
                write!(f, "{amount}{suffix}")
            }
        }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl Quantity {
    fn combine(self, other: Self, nanos: i128) -> Self {
        // as upstream, the result has the format of the first operand that is not zero
        Self {
            nanos,
            format: if self.is_zero() {
                other.format
            } else {
                self.format
            },
        }
    }
}

impl Add for Quantity {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.combine(other, self.nanos.saturating_add(other.nanos))
    }
}

impl Sub for Quantity {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.combine(other, self.nanos.saturating_sub(other.nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_forms_match_go() {
        for (text, canonical) in [
            ("0", "0"),
            ("0m", "0"),
            ("100m", "100m"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("0.5", "500m"),
            ("1024Ki", "1Mi"),
            ("1.5Gi", "1536Mi"),
            ("1000Ki", "1000Ki"),
            ("0.5Ki", "512"),
            ("1e3", "1e3"),
            ("12000", "12k"),
            ("1234", "1234"),
            ("-1.5", "-1500m"),
            ("+5", "5"),
            ("1000000", "1M"),
            ("0.0000000001", "1n"),
            ("1E", "1E"),
            ("1E2", "100"),
            ("5e0", "5"),
            ("1.", "1"),
            (".5", "500m"),
        ] {
            assert_eq!(
                Quantity::parse(text).unwrap().to_string(),
                canonical,
                "{text}"
            );
        }
    }

    #[test]
    fn invalid_quantities_are_rejected_as_upstream() {
        for (text, error) in [
            ("", QuantityError::Format),
            ("x", QuantityError::Format),
            ("1.2.3", QuantityError::Format),
            ("1ki", QuantityError::Suffix),
            ("1 Gi", QuantityError::Format),
            ("-", QuantityError::Format),
            ("1e", QuantityError::Suffix),
            ("1KK", QuantityError::Suffix),
        ] {
            assert_eq!(Quantity::parse(text).unwrap_err(), error, "{text}");
        }
    }

    #[test]
    fn huge_numbers_are_capped_not_wrapped() {
        let nines = "9".repeat(60);
        for text in [nines.as_str(), "9e18", "99999999999Ei", "1e999999999"] {
            let q = Quantity::parse(text).unwrap();
            assert!(q > Quantity::parse("1E").unwrap(), "{text}");
            let _ = q + q;
        }
        assert_eq!(Quantity::parse("1e-999999999").unwrap().to_string(), "1e-9");
    }

    #[test]
    fn compares_and_adds_across_formats() {
        let q = |t: &str| Quantity::parse(t).unwrap();
        assert_eq!(q("1Ki"), q("1024"));
        assert!(q("1k") < q("1Ki"));
        assert_eq!((q("1Gi") + q("512Mi")).to_string(), "1536Mi");
        assert_eq!((q("1") - q("250m")).to_string(), "750m");
        assert_eq!(q("100m").units_rounded_up(), 1);
        assert_eq!(q("1500u").millis_rounded_up(), 2);
    }
}
