//! Ranges of keys: prefixes and pages.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// The keys of `map` that start with `prefix` and are greater than `after`, in order.
pub(crate) fn keys_in<'a, V>(
    map: &'a BTreeMap<Arc<str>, V>,
    prefix: &'a str,
    after: Option<&'a str>,
) -> impl Iterator<Item = (&'a Arc<str>, &'a V)> {
    let start = match after {
        Some(after) if after >= prefix => Bound::Excluded(after),
        _ => Bound::Included(prefix),
    };
    map.range::<str, _>((start, Bound::Unbounded))
        .take_while(move |(key, _)| key.starts_with(prefix))
}

/// The first `limit` items of `all` (zero for no limit), and how many follow.
pub(crate) fn page<T>(mut all: impl Iterator<Item = T>, limit: usize) -> (Vec<T>, usize) {
    if limit == 0 {
        return (all.collect(), 0);
    }
    let first = all.by_ref().take(limit).collect();
    (first, all.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(prefix: &str, after: Option<&str>) -> Vec<String> {
        let all = ["/a/1", "/a/2", "/ab/1", "/b"];
        let map = all.iter().map(|key| (Arc::from(*key), ())).collect();
        keys_in(&map, prefix, after)
            .map(|(key, ())| key.to_string())
            .collect()
    }

    #[test]
    fn a_prefix_selects_its_keys() {
        assert_eq!(keys("/a/", None), ["/a/1", "/a/2"]);
        assert_eq!(keys("/a", None), ["/a/1", "/a/2", "/ab/1"]);
        assert_eq!(keys("", None).len(), 4);
        assert!(keys("/c", None).is_empty());
    }

    #[test]
    fn a_page_continues_after_a_key() {
        assert_eq!(keys("/a/", Some("/a/1")), ["/a/2"]);
        assert_eq!(keys("/a/", Some("/a/11")), ["/a/2"]);
        assert!(keys("/a/", Some("/z")).is_empty());
        assert_eq!(
            keys("/a/", Some("/")).len(),
            2,
            "a start before the prefix is ignored"
        );
    }

    #[test]
    fn a_page_counts_the_remaining_items() {
        assert_eq!(page(1..=5, 2), (vec![1, 2], 3));
        assert_eq!(page(1..=2, 2), (vec![1, 2], 0));
        assert_eq!(page(1..=5, 0), (vec![1, 2, 3, 4, 5], 0));
    }
}
