//! Dates, times and durations.

/// `YYYY-MM-DD`, an existing day.
pub(super) fn is_date(text: &str) -> bool {
    text.len() == 10 && text.is_ascii() && text.parse::<jiff::civil::Date>().is_ok()
}

/// RFC 3339, with a fraction of any length after any single character.
pub(super) fn is_date_time(text: &str) -> bool {
    let lower = text.to_lowercase();
    let mut parts = lower.split('t');
    let (Some(date), Some(time)) = (parts.next(), parts.next()) else {
        return false;
    };
    is_date(date) && is_time(time)
}

fn is_time(text: &str) -> bool {
    let Some((clock, rest)) = text.split_at_checked(8) else {
        return false;
    };
    let digits = |b: &[u8]| b.iter().all(u8::is_ascii_digit);
    let [h @ .., b':', m1, m2, b':', s1, s2] = clock.as_bytes() else {
        return false;
    };
    let in_range = h <= b"23" && [*m1, *m2] <= *b"59" && [*s1, *s2] <= *b"59";
    let all_digits = digits(h) && digits(&[*m1, *m2, *s1, *s2]);
    all_digits && in_range && (is_zone(rest) || is_zone(without_fraction(rest)))
}

fn without_fraction(text: &str) -> &str {
    let mut chars = text.chars();
    chars.next();
    let digits = chars.as_str();
    let rest = digits.trim_start_matches(|c: char| c.is_ascii_digit());
    if rest.len() < digits.len() {
        rest
    } else {
        text
    }
}

fn is_zone(text: &str) -> bool {
    match text.as_bytes() {
        b"z" => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => [h1, h2, m1, m2].iter().all(|b| b.is_ascii_digit()),
        _ => false,
    }
}

/// Go's notation (`1h10m`), or Scala's, in which other text is ignored.
pub(super) fn is_duration(text: &str) -> bool {
    is_go_duration(text) || is_scala_duration(text)
}

fn is_go_duration(text: &str) -> bool {
    let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    let mut seconds = 0.0_f64;
    let started = !rest.is_empty();
    while !rest.is_empty() {
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let number = &rest[..rest.len() - after.len()];
        let Ok(number) = number.parse::<f64>() else {
            return false;
        };
        let unit = after.find(|c: char| c.is_ascii_digit() || c == '.');
        let (unit, next) = after.split_at(unit.unwrap_or(after.len()));
        let Some(factor) = unit_of(unit) else {
            return false;
        };
        seconds += number * factor;
        rest = next;
    }
    // a duration is an int64 of nanoseconds
    started && seconds <= 9_223_372_036.854_775
}

fn unit_of(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1e-9,
        "us" | "µs" | "μs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    })
}

/// Whether some number is followed by some unit; numbers that are too long do not count.
fn is_scala_duration(text: &str) -> bool {
    const EXACT: [&str; 13] = [
        "ns", "us", "µs", "ms", "s", "sec", "m", "min", "h", "hr", "d", "w", "wk",
    ];
    const PREFIXES: [&str; 8] = [
        "nano", "micro", "milli", "sec", "min", "hour", "day", "week",
    ];
    let mut found = false;
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let digits = &rest[start..];
        let after = digits.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = &digits[..digits.len() - after.len()];
        let word = after.trim_start();
        let next = word.trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == 'µ');
        let unit = word[..word.len() - next.len()].to_lowercase();
        if !unit.is_empty() {
            if number.parse::<i64>().is_err() {
                return false;
            }
            found |= EXACT.contains(&unit.as_str()) || PREFIXES.iter().any(|p| unit.starts_with(p));
        }
        rest = next;
    }
    found
}
