//! Parts of times and durations.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::error::EvalError;
use crate::library::{Def, Library, Run, mismatch};
use crate::types::Type::{self, Int, String};
use crate::value::{Duration, Evaluated, Timestamp, Value};

const TIME: Type = Type::Timestamp;
const SPAN: Type = Type::Duration;

/// A function's name, its ids without and with a time zone, and its implementation.
type Part = (&'static str, &'static str, &'static str, Run);

pub(super) fn add(lib: &mut Library) {
    let parts: [Part; 10] = [
        (
            "getFullYear",
            "timestamp_to_year",
            "timestamp_to_year_with_tz",
            |_, a| part(a, |t| t.year().into()),
        ),
        (
            "getMonth",
            "timestamp_to_month",
            "timestamp_to_month_with_tz",
            |_, a| part(a, |t| i64::from(t.month()) - 1),
        ),
        (
            "getDayOfYear",
            "timestamp_to_day_of_year",
            "timestamp_to_day_of_year_with_tz",
            |_, a| part(a, |t| i64::from(t.day_of_year()) - 1),
        ),
        (
            "getDayOfMonth",
            "timestamp_to_day_of_month",
            "timestamp_to_day_of_month_with_tz",
            |_, a| part(a, |t| i64::from(t.day()) - 1),
        ),
        (
            "getDate",
            "timestamp_to_day_of_month_1_based",
            "timestamp_to_day_of_month_1_based_with_tz",
            |_, a| part(a, |t| t.day().into()),
        ),
        (
            "getDayOfWeek",
            "timestamp_to_day_of_week",
            "timestamp_to_day_of_week_with_tz",
            |_, a| part(a, |t| t.weekday().to_sunday_zero_offset().into()),
        ),
        (
            "getHours",
            "timestamp_to_hours",
            "timestamp_to_hours_with_tz",
            |_, a| part_or(a, |t| t.hour().into(), |nanos| nanos / 3_600_000_000_000),
        ),
        (
            "getMinutes",
            "timestamp_to_minutes",
            "timestamp_to_minutes_with_tz",
            |_, a| part_or(a, |t| t.minute().into(), |nanos| nanos / 60_000_000_000),
        ),
        (
            "getSeconds",
            "timestamp_to_seconds",
            "timestamp_to_seconds_tz",
            |_, a| part_or(a, |t| t.second().into(), |nanos| nanos / 1_000_000_000),
        ),
        (
            "getMilliseconds",
            "timestamp_to_milliseconds",
            "timestamp_to_milliseconds_with_tz",
            |_, a| part_or(a, |t| t.millisecond().into(), |nanos| nanos / 1_000_000),
        ),
    ];
    for (name, plain, zoned, run) in parts {
        lib.member(
            name,
            [
                Def(plain, vec![TIME], Int, run),
                Def(zoned, vec![TIME, String], Int, run),
            ],
        );
    }
    let parts: [(&'static str, &'static str, Run); 4] = [
        ("getHours", "duration_to_hours", parts[6].3),
        ("getMinutes", "duration_to_minutes", parts[7].3),
        ("getSeconds", "duration_to_seconds", parts[8].3),
        ("getMilliseconds", "duration_to_milliseconds", parts[9].3),
    ];
    for (name, id, run) in parts {
        lib.member(name, [Def(id, vec![SPAN], Int, run)]);
    }
}

fn part<'a>(args: &[Value<'a>], of: fn(&DateTime) -> i64) -> Evaluated<'a> {
    match args {
        [Value::Timestamp(time)] => Ok(Value::Int(of(&time.clock(0)))),
        [Value::Timestamp(time), Value::String(zone)] => {
            let offset = offset(zone.as_str(), *time)?;
            Ok(Value::Int(of(&time.clock(offset))))
        }
        _ => mismatch(),
    }
}

fn part_or<'a>(
    args: &[Value<'a>],
    of: fn(&DateTime) -> i64,
    nanos: fn(i64) -> i64,
) -> Evaluated<'a> {
    match args {
        [Value::Duration(duration)] => Ok(Value::Int(nanos(duration.0))),
        _ => part(args, of),
    }
}

/// The offset from UTC in seconds at a time, in a time zone given by name or as an offset such as
/// `-02:30`.
fn offset(name: &str, time: Timestamp) -> Result<i32, EvalError> {
    let Some((hours, minutes)) = name.split_once(':') else {
        if name.is_empty() || name == "UTC" {
            return Ok(0);
        }
        let unknown = || EvalError::new(format!("unknown time zone {name}"));
        // names are paths in the time zone database, and must not lead out of it
        if name.contains("..") || name.len() > 64 {
            return Err(unknown());
        }
        let zone = TimeZone::get(name).map_err(|_| unknown())?;
        let at = jiff::Timestamp::new(time.seconds, 0).unwrap_or(jiff::Timestamp::MAX);
        return Ok(zone.to_offset(at).seconds());
    };
    let number = |text: &str| {
        let wrong = || EvalError::new(format!("strconv.Atoi: parsing {text:?}: invalid syntax"));
        text.parse::<i32>().map_err(|_| wrong())
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    if !(0..=59).contains(&minutes) {
        let message = format!("timezone offset minutes out of range [0, 59]: {name}");
        return Err(EvalError::new(message));
    }
    let minutes = if name.starts_with('-') {
        -minutes
    } else {
        minutes
    };
    let seconds = hours
        .checked_mul(3600)
        .and_then(|s| s.checked_add(minutes * 60));
    seconds.ok_or_else(|| EvalError::new("timestamp overflow"))
}

/// Whether a literal is valid for `duration()` or `timestamp()`.
pub(crate) fn fits_literal(function: &str, text: &str) -> bool {
    match function {
        "duration" => Duration::parse(text).is_some(),
        _ => Timestamp::parse(text).is_some(),
    }
}
