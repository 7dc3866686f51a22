//! Names that live as long as the program.
//!
//! Rows of the catalogue name their groups, kinds and fields by `&'static str`, those of definitions as
//! well: each name is kept once, whatever definitions come and go. What that costs is bounded by the
//! number of different names that are ever used, not by the number of definitions or of their changes.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use parking_lot::Mutex;

use crate::resource::{SCALE, Subresource, status};
use crate::version::Served;

static NAMES: LazyLock<Mutex<HashSet<&'static str>>> = LazyLock::new(Mutex::default);
static LISTS: LazyLock<Mutex<HashSet<&'static [&'static str]>>> = LazyLock::new(Mutex::default);
static SUBRESOURCES: LazyLock<Mutex<BySubresources>> = LazyLock::new(Mutex::default);
static VERSIONS: LazyLock<Mutex<HashMap<Vec<&'static str>, &'static [Served]>>> =
    LazyLock::new(Mutex::default);

/// By the kind, and by whether it has a scale and a status.
type BySubresources = HashMap<(&'static str, bool, bool), &'static [Subresource]>;

/// A name.
pub fn name(text: &str) -> &'static str {
    let mut names = NAMES.lock();
    if let Some(known) = names.get(text) {
        return known;
    }
    let kept: &'static str = Box::leak(text.into());
    names.insert(kept);
    kept
}

/// A list of names.
pub fn list<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> &'static [&'static str] {
    let names: Vec<_> = names.into_iter().map(|n| name(n.as_ref())).collect();
    let mut lists = LISTS.lock();
    if let Some(known) = lists.get(names.as_slice()) {
        return known;
    }
    let kept: &'static [_] = Box::leak(names.into());
    lists.insert(kept);
    kept
}

/// Versions that differ in their label only, by `apiVersion`.
pub fn versions(api_versions: impl IntoIterator<Item = String>) -> &'static [Served] {
    let names: Vec<_> = api_versions.into_iter().map(|v| name(&v)).collect();
    let mut versions = VERSIONS.lock();
    if let Some(known) = versions.get(&names) {
        return known;
    }
    let served: Vec<_> = names.iter().map(|name| Served::label(name)).collect();
    let kept: &'static [_] = Box::leak(served.into());
    versions.insert(names, kept);
    kept
}

/// The subresources of a kind.
pub fn subresources(
    kind: &'static str,
    has_scale: bool,
    has_status: bool,
) -> &'static [Subresource] {
    let mut subresources = SUBRESOURCES.lock();
    subresources
        .entry((kind, has_scale, has_status))
        .or_insert_with(|| {
            let scale = has_scale.then_some(SCALE);
            let status = has_status.then(|| status(kind));
            let all: Vec<_> = scale.into_iter().chain(status).collect();
            Box::leak(all.into())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_names_are_kept_once() {
        let twice = [name("widgets"), name(&format!("widget{}", "s"))];
        assert!(std::ptr::eq(twice[0], twice[1]));
        let lists = [list(["a", "b"]), list(["a".to_owned(), "b".to_owned()])];
        assert!(std::ptr::eq(lists[0], lists[1]));
        let served = [versions(["e/v1".to_owned()]), versions(["e/v1".to_owned()])];
        assert!(std::ptr::eq(served[0], served[1]));
        assert_eq!(served[0][0].api_version, "e/v1");
    }
}
