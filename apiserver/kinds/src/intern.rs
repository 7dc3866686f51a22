//! Names that live as long as the program.
//!
//! Rows of the catalogue name their groups, kinds and fields by `&'static str`, those of definitions as well:
//! each name is kept once, however often definitions change. The cost is bounded by the number of different
//! names ever used, not by the number of definitions or of their changes.

use std::collections::HashSet;
use std::sync::LazyLock;

use parking_lot::Mutex;

static NAMES: LazyLock<Mutex<HashSet<&'static str>>> = LazyLock::new(Mutex::default);
static LISTS: LazyLock<Mutex<HashSet<&'static [&'static str]>>> = LazyLock::new(Mutex::default);

/// Interns a name.
pub fn name(text: &str) -> &'static str {
    let mut names = NAMES.lock();
    if let Some(known) = names.get(text) {
        return known;
    }
    let kept: &'static str = Box::leak(text.into());
    names.insert(kept);
    kept
}

/// Interns a list of names.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_names_are_kept_once() {
        let twice = [name("widgets"), name(&format!("widget{}", "s"))];
        assert!(std::ptr::eq(twice[0], twice[1]));
        let lists = [list(["a", "b"]), list(["a".to_owned(), "b".to_owned()])];
        assert!(std::ptr::eq(lists[0], lists[1]));
    }
}
