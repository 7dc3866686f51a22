//! Formats lists and ranges in error messages as Go does.

use portcullis_api::field_error::{BadValue, go_quote};
use portcullis_api::psp::IDRange;

/// Whether an id is in one of the ranges, bounds included.
pub(super) fn in_ranges(id: i64, ranges: &[IDRange]) -> bool {
    ranges.iter().any(|r| (r.min..=r.max).contains(&id))
}

/// `[{2 10} {20 30}]`
pub(super) fn ranges(ranges: &[IDRange]) -> String {
    let texts: Vec<_> = ranges
        .iter()
        .map(|r| format!("{{{} {}}}", r.min, r.max))
        .collect();
    format!("[{}]", texts.join(" "))
}

/// `[]int64{666, 777}`; a nil slice is `[]int64(nil)`.
pub(super) fn ids(ids: Option<&[i64]>) -> BadValue {
    BadValue::go(match ids {
        None => "[]int64(nil)".to_owned(),
        Some(ids) => {
            let texts: Vec<_> = ids.iter().map(i64::to_string).collect();
            format!("[]int64{{{}}}", texts.join(", "))
        }
    })
}

/// `[]core.Capability{"KILL"}`; a nil slice is `[]core.Capability(nil)`.
pub(super) fn capabilities(capabilities: Option<&[String]>) -> BadValue {
    BadValue::go(match capabilities {
        None => "[]core.Capability(nil)".to_owned(),
        Some(list) => {
            let texts: Vec<_> = list.iter().map(|c| go_quote(c)).collect();
            format!("[]core.Capability{{{}}}", texts.join(", "))
        }
    })
}
