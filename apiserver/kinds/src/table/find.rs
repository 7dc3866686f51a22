//! Rows, found by their names.

use super::{RESOURCES, ROWS};
use crate::resource::Resource;

pub(super) const fn row(group: &str, plural: &str) -> &'static Resource {
    let mut at = 0;
    while at < ROWS.len() {
        let row = &ROWS[at];
        if same(row.group, group) && same(row.plural, plural) {
            return row;
        }
        at += 1;
    }
    panic!("no such row")
}

/// `==`, which is not const.
const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

/// The resource of that plural in a group version, such as `pods` in `v1`.
pub fn find(api_version: &str, plural: &str) -> Option<&'static Resource> {
    RESOURCES
        .iter()
        .find(|r| r.plural == plural && r.api_versions().any(|v| v == api_version))
}
