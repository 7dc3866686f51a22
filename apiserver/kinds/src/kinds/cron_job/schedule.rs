//! The schedule of a cron job: five fields, or a name for them (upstream: `ParseStandard` in
//! `github.com/robfig/cron`, which has the same error texts).

use portcullis_api::field_error::go_quote;

use crate::duration;

/// The values of a field, and names for some.
struct Field {
    min: u32,
    max: u32,
    /// Names of the values from `min` on.
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field {
        min: 0,
        max: 59,
        names: &[],
    },
    Field {
        min: 0,
        max: 23,
        names: &[],
    },
    Field {
        min: 1,
        max: 31,
        names: &[],
    },
    Field {
        min: 1,
        max: 12,
        names: &[
            "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
        ],
    },
    Field {
        min: 0,
        max: 6,
        names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
    },
];
const DESCRIPTORS: [&str; 7] = [
    "@yearly",
    "@annually",
    "@monthly",
    "@weekly",
    "@daily",
    "@midnight",
    "@hourly",
];
const EVERY: &str = "@every ";

/// Validates a schedule; returns why it is invalid.
pub(super) fn check(schedule: &str) -> Result<(), String> {
    let rest = without_zone(schedule)?;
    if rest.starts_with('@') {
        return descriptor(rest);
    }
    let fields: Vec<_> = rest.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err(format!(
            "expected exactly {} fields, found {}: [{}]",
            FIELDS.len(),
            fields.len(),
            fields.join(" ")
        ));
    }
    for (field, text) in FIELDS.iter().zip(fields) {
        let ranges = text.split(',').filter(|range| !range.is_empty());
        ranges.into_iter().try_for_each(|text| field.check(text))?;
    }
    Ok(())
}

/// The part after `TZ=` and the name of a time zone.
fn without_zone(schedule: &str) -> Result<&str, String> {
    let zoned = ["TZ=", "CRON_TZ="]
        .iter()
        .find_map(|p| schedule.strip_prefix(p));
    let Some(zoned) = zoned else {
        return Ok(schedule);
    };
    let (zone, rest) = zoned.split_once(' ').unwrap_or((zoned, ""));
    let database = jiff::tz::db();
    let local = matches!(zone, "" | "UTC" | "Local");
    if !local && !database.is_definitively_empty() && database.get(zone).is_err() {
        return Err(format!(
            "provided bad location {zone}: unknown time zone {zone}"
        ));
    }
    Ok(rest.trim())
}

fn descriptor(text: &str) -> Result<(), String> {
    if let Some(duration) = text.strip_prefix(EVERY) {
        return match duration::parse(duration) {
            Ok(_) => Ok(()),
            Err(why) => Err(format!("failed to parse duration {text}: {why}")),
        };
    }
    if DESCRIPTORS.contains(&text) {
        Ok(())
    } else {
        Err(format!("unrecognized descriptor: {text}"))
    }
}

impl Field {
    /// A value, a range of values, all, or steps of those.
    fn check(&self, text: &str) -> Result<(), String> {
        let mut parts = text.split('/');
        let (range, step) = (parts.next().unwrap_or_default(), parts.next());
        let bounds: Vec<_> = range.split('-').collect();
        let (start, mut end) = match bounds.as_slice() {
            ["*" | "?", ..] => (self.min, self.max),
            [one] => {
                let value = self.value(one)?;
                (value, value)
            }
            [start, end] => (self.value(start)?, self.value(end)?),
            _ => return Err(format!("too many hyphens: {text}")),
        };
        let step = step.map_or(Ok(1), number)?;
        if parts.next().is_some() {
            return Err(format!("too many slashes: {text}"));
        }
        if text.contains('/') && bounds.len() == 1 {
            end = self.max;
        }
        if start < self.min {
            let min = self.min;
            return Err(format!(
                "beginning of range ({start}) below minimum ({min}): {text}"
            ));
        }
        if end > self.max {
            let max = self.max;
            return Err(format!(
                "end of range ({end}) above maximum ({max}): {text}"
            ));
        }
        if start > end {
            return Err(format!(
                "beginning of range ({start}) beyond end of range ({end}): {text}"
            ));
        }
        if step == 0 {
            return Err(format!("step of range should be a positive number: {text}"));
        }
        Ok(())
    }

    fn value(&self, text: &str) -> Result<u32, String> {
        let named = self.names.iter().zip(self.min..);
        match named
            .into_iter()
            .find(|(name, _)| text.eq_ignore_ascii_case(name))
        {
            Some((_, value)) => Ok(value),
            None => number(text),
        }
    }
}

fn number(text: &str) -> Result<u32, String> {
    let value: i64 = text.parse().map_err(|_| {
        let syntax = text.strip_prefix(['-', '+']).unwrap_or(text);
        let numeric = !syntax.is_empty() && syntax.bytes().all(|b| b.is_ascii_digit());
        let why = if numeric {
            "value out of range"
        } else {
            "invalid syntax"
        };
        format!(
            "failed to parse int from {text}: strconv.Atoi: parsing {}: {why}",
            go_quote(text)
        )
    })?;
    if value < 0 {
        return Err(format!("negative number ({value}) not allowed: {text}"));
    }
    // larger values exceed every maximum
    Ok(u32::try_from(value).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_have_five_fields_or_a_name() {
        for good in [
            "* * * * *",
            "*/5 0-23/2 1,15 jan-DEC mon",
            "? ? ? ? ?",
            "0 5/10 * * 0-6",
            "@hourly",
            "@every 1h30m",
            "@every 1.5s",
            "@every -5ms",
            "TZ=UTC * * * * *",
            "CRON_TZ=UTC @daily",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn errors_have_upstreams_texts() {
        for (bad, why) in [
            ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
            ("60 * * * *", "end of range (60) above maximum (59): 60"),
            ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
            (
                "5-1 * * * *",
                "beginning of range (5) beyond end of range (1): 5-1",
            ),
            (
                "*/0 * * * *",
                "step of range should be a positive number: */0",
            ),
            ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
            ("1/2/3 * * * *", "too many slashes: 1/2/3"),
            (
                "x * * * *",
                "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid syntax",
            ),
            (
                "99999999999999999999 * * * *",
                "failed to parse int from 99999999999999999999: strconv.Atoi: parsing \"99999999999999999999\": value out of range",
            ),
            ("*/-1 * * * *", "negative number (-1) not allowed: -1"),
            ("@never", "unrecognized descriptor: @never"),
            (
                "@every x",
                "failed to parse duration @every x: time: invalid duration \"x\"",
            ),
            (
                "@every 5",
                "failed to parse duration @every 5: time: missing unit in duration \"5\"",
            ),
            (
                "@every 5y",
                "failed to parse duration @every 5y: time: unknown unit \"y\" in duration \"5y\"",
            ),
            ("TZ=UTC", "expected exactly 5 fields, found 0: []"),
        ] {
            assert_eq!(check(bad), Err(why.to_owned()), "{bad}");
        }
    }
}
