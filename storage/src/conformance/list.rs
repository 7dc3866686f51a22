//! Ranges, pages and earlier revisions.

use bytes::Bytes;

use super::{Subject, cases, text};
use crate::{Error, ListRequest, ReadAt, Result};

cases![
    lists_are_ordered_by_key,
    a_prefix_includes_its_slash,
    an_empty_range_is_an_empty_list,
    pages_share_a_revision,
    a_page_counts_the_remaining_entries,
    earlier_revisions_are_readable,
    reads_are_not_older_than_requested,
    reads_of_future_revisions_fail,
    many_entries_are_listed,
    large_entries_are_listed,
];

async fn lists_are_ordered_by_key(subject: Subject) {
    for name in ["b", "a", "c/1", "a1"] {
        subject.create(name, name).await;
    }
    let page = subject.list(ReadAt::Latest, 0, None).await;
    assert_eq!(
        subject.shown(&page.entries),
        ["a=a", "a1=a1", "b=b", "c/1=c/1"]
    );
    assert_eq!(page.remaining, 0);
}

async fn a_prefix_includes_its_slash(subject: Subject) {
    for name in ["ns/x", "ns2/x", "ns-a/x", "ns", "ns0"] {
        subject.create(name, "").await;
    }
    let list = |prefix: String| {
        let storage = subject.storage.clone();
        async move {
            storage
                .list(&prefix, &ListRequest::all())
                .await
                .expect("list")
                .entries
        }
    };
    assert_eq!(subject.shown(&list(subject.key("ns/")).await), ["ns/x="]);
    assert_eq!(list(subject.key("ns")).await.len(), 5);
    assert!(list(subject.key("n/")).await.is_empty());
}

async fn an_empty_range_is_an_empty_list(subject: Subject) {
    let page = subject.list(ReadAt::Latest, 5, None).await;
    assert!(
        page.entries.is_empty() && page.remaining == 0 && page.revision > 0,
        "{page:?}"
    );
}

async fn pages_share_a_revision(subject: Subject) {
    let mut entries = Vec::new();
    for n in 0..10 {
        entries.push(subject.create(&format!("k{n}"), "old").await);
    }
    let mut page = subject.list(ReadAt::Latest, 3, None).await;
    let pinned = page.revision;
    // Before, within and after the remaining range.
    subject.create("k00", "new").await;
    subject.create("k55", "new").await;
    subject.create("k99", "new").await;
    subject.swap(&entries[6], "new").await;
    subject.delete(&entries[7]).await;
    let mut seen = subject.shown(&page.entries);
    while page.remaining > 0 {
        let last = subject
            .name(page.entries.last().expect("an entry"))
            .to_owned();
        page = subject.list(ReadAt::Exactly(pinned), 3, Some(&last)).await;
        assert_eq!(page.revision, pinned);
        assert_eq!(page.remaining, 10 - seen.len() - page.entries.len());
        seen.extend(subject.shown(&page.entries));
    }
    let expected: Vec<_> = (0..10).map(|n| format!("k{n}=old")).collect();
    assert_eq!(seen, expected);
}

async fn a_page_counts_the_remaining_entries(subject: Subject) {
    for name in ["a", "b", "c", "d"] {
        subject.create(name, "").await;
    }
    for (limit, after, entries, remaining) in [
        (1, None, 1, 3),
        (4, None, 4, 0),
        (9, None, 4, 0),
        (2, Some("b"), 2, 0),
        (1, Some("b"), 1, 1),
    ] {
        let page = subject.list(ReadAt::Latest, limit, after).await;
        let seen = (page.entries.len(), page.remaining);
        assert_eq!(seen, (entries, remaining), "limit {limit} after {after:?}");
    }
    assert_eq!(
        subject
            .list(ReadAt::Latest, 0, Some("bb"))
            .await
            .entries
            .len(),
        2
    );
    assert!(
        subject
            .list(ReadAt::Latest, 0, Some("d"))
            .await
            .entries
            .is_empty()
    );
}

async fn earlier_revisions_are_readable(subject: Subject) {
    let before = subject.create("other", "").await.revision;
    let one = subject.create("a", "one").await;
    let two = subject.swap(&one, "two").await;
    let gone = subject.delete(&two).await;
    for (revision, expected) in [
        (before, None),
        (one.revision, Some("one")),
        (two.revision, Some("two")),
        (gone, None),
    ] {
        let at = ReadAt::Exactly(revision);
        let found = subject.storage.get(&one.key, at).await.expect("get");
        assert_eq!(
            found.entry.map(|entry| text(&entry)).as_deref(),
            expected,
            "at {revision}"
        );
        let page = subject.list(at, 0, None).await;
        assert_eq!(page.revision, revision);
        assert_eq!(
            page.entries.len(),
            1 + usize::from(expected.is_some()),
            "at {revision}"
        );
    }
}

async fn reads_are_not_older_than_requested(subject: Subject) {
    let one = subject.create("a", "one").await;
    for least in [0, one.revision] {
        let at = ReadAt::NotOlderThan(least);
        let found = subject.storage.get(&one.key, at).await.expect("get");
        assert!(
            found.entry.is_some() && found.revision >= least,
            "{found:?}"
        );
        let page = subject.list(at, 0, None).await;
        assert!(
            page.entries.len() == 1 && page.revision >= least,
            "{page:?}"
        );
    }
}

async fn reads_of_future_revisions_fail(subject: Subject) {
    fn check<T: std::fmt::Debug>(result: Result<T>, expected: u64, least: u64) {
        match result {
            Err(Error::TooNew { requested, current }) => {
                assert_eq!(requested, expected);
                assert!(current >= least && current < expected, "{current}");
            }
            other => panic!("{other:?}"),
        }
    }
    let now = subject.create("a", "one").await.revision;
    let future = now + 1_000_000;
    for at in [ReadAt::NotOlderThan(future), ReadAt::Exactly(future)] {
        check(
            subject.storage.get(&subject.key("a"), at).await,
            future,
            now,
        );
        let request = ListRequest {
            at,
            limit: 0,
            after: None,
        };
        check(
            subject.storage.list(&subject.prefix, &request).await,
            future,
            now,
        );
    }
}

async fn many_entries_are_listed(subject: Subject) {
    const COUNT: usize = 1_203;
    let creates = (0..COUNT).map(|n| {
        let subject = subject.clone();
        async move { subject.create(&format!("{n:05}"), "x").await }
    });
    futures_util::future::join_all(creates).await;
    let page = subject.list(ReadAt::Latest, 0, None).await;
    let names: Vec<_> = page
        .entries
        .iter()
        .map(|entry| subject.name(entry))
        .collect();
    assert_eq!((names.len(), page.remaining), (COUNT, 0));
    assert!(names.is_sorted_by(|one, next| one < next));
    let page = subject.list(ReadAt::Latest, 1_100, None).await;
    assert_eq!((page.entries.len(), page.remaining), (1_100, 103));
}

async fn large_entries_are_listed(subject: Subject) {
    let value = Bytes::from(vec![b'x'; 1 << 20]);
    for n in 0..6 {
        let key = subject.key(&n.to_string());
        subject
            .storage
            .create(&key, value.clone())
            .await
            .expect("create");
    }
    let page = subject.list(ReadAt::Latest, 0, None).await;
    assert_eq!(page.entries.len(), 6);
    assert!(page.entries.iter().all(|entry| entry.value == value));
}
