//! The cells of a Table row as JSON: made once, but for ages.

use jiff::Timestamp;
use portcullis_api::encode::Sink;
use portcullis_kinds::strategy::Cell;

/// The cells of an entry. What depends on the time is computed for each request.
#[derive(Debug)]
pub struct Row {
    /// The array, without those cells that depend on the time.
    text: Box<[u8]>,
    /// The others, and where they belong in the text.
    ages: Box<[(usize, Cell)]>,
}

impl Row {
    pub(super) fn of(cells: Vec<Cell>) -> Self {
        let (mut text, mut ages) = (vec![b'['], Vec::new());
        for (at, cell) in cells.into_iter().enumerate() {
            if at > 0 {
                text.push(b',');
            }
            match cell {
                Cell::Value(value) => text.extend_from_slice(value.to_string().as_bytes()),
                Cell::Since(None) => text.extend_from_slice(b"\"<unknown>\""),
                Cell::Between(start, end) => {
                    text.push(b'"');
                    write_age(end.duration_since(start).as_secs(), &mut text);
                    text.push(b'"');
                }
                Cell::Since(Some(_)) | Cell::CountSince(..) => ages.push((text.len(), cell)),
            }
        }
        text.push(b']');
        Self {
            text: text.into(),
            ages: ages.into(),
        }
    }

    /// Appends the cells as they are at a time.
    pub fn write(&self, now: Timestamp, out: &mut impl Sink) {
        let mut written = 0;
        for (at, cell) in &self.ages {
            out.put(self.text.get(written..*at).unwrap_or_default());
            written = *at;
            out.put(b"\"");
            match cell {
                Cell::Since(Some(since)) => write_age(now.duration_since(*since).as_secs(), out),
                Cell::CountSince(count, since) => {
                    out.put(format!("{count} (").as_bytes());
                    write_age(now.duration_since(*since).as_secs(), out);
                    out.put(b" ago)");
                }
                Cell::Value(_) | Cell::Since(None) | Cell::Between(..) => {}
            }
            out.put(b"\"");
        }
        out.put(self.text.get(written..).unwrap_or_default());
    }
}

/// Appends a duration as upstream's `duration.HumanDuration` abbreviates it.
fn write_age(seconds: i64, out: &mut impl Sink) {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    const YEAR: i64 = 365 * DAY;
    let two = |large: i64, large_unit: &str, small: i64, small_unit: &str| match small {
        0 => format!("{large}{large_unit}"),
        _ => format!("{large}{large_unit}{small}{small_unit}"),
    };
    let text = match seconds {
        // clocks differ a little
        i64::MIN..-1 => "<invalid>".to_owned(),
        -1..0 => "0s".to_owned(),
        s if s < 2 * MINUTE => format!("{s}s"),
        s if s < 10 * MINUTE => two(s / MINUTE, "m", s % MINUTE, "s"),
        s if s < 3 * HOUR => format!("{}m", s / MINUTE),
        s if s < 8 * HOUR => two(s / HOUR, "h", s % HOUR / MINUTE, "m"),
        s if s < 2 * DAY => format!("{}h", s / HOUR),
        s if s < 8 * DAY => two(s / DAY, "d", s % DAY / HOUR, "h"),
        s if s < 2 * YEAR => format!("{}d", s / DAY),
        s if s < 8 * YEAR => two(s / YEAR, "y", s % YEAR / DAY, "d"),
        s => format!("{}y", s / YEAR),
    };
    out.put(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_abbreviated_as_upstream() {
        for (seconds, text) in [
            (-5, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (600, "10m"),
            (10_799, "179m"),
            (10_800, "3h"),
            (11_000, "3h3m"),
            (28_800, "8h"),
            (172_799, "47h"),
            (172_800, "2d"),
            (180_000, "2d2h"),
            (691_200, "8d"),
            (63_071_999, "729d"),
            (63_072_000, "2y"),
            (70_000_000, "2y80d"),
            (252_288_000, "8y"),
        ] {
            let mut out = Vec::new();
            write_age(seconds, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), text, "{seconds}");
        }
    }

    #[test]
    fn ages_stand_among_the_other_cells() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let row = Row::of(vec![
            Cell::Since(Some(at(100))),
            Cell::text("a \"b\""),
            Cell::CountSince(3, at(40)),
            Cell::Since(None),
            Cell::Between(at(1), at(8)),
        ]);
        for (now, text) in [
            (110, r#"["10s","a \"b\"","3 (70s ago)","<unknown>","7s"]"#),
            (400, r#"["5m","a \"b\"","3 (6m ago)","<unknown>","7s"]"#),
        ] {
            let mut out = Vec::new();
            row.write(at(now), &mut out);
            assert_eq!(String::from_utf8_lossy(&out), text);
        }
        let mut out = Vec::new();
        Row::of(Vec::new()).write(at(0), &mut out);
        assert_eq!(out, b"[]");
    }
}
