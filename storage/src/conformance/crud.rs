//! Operations on a single key.

use bytes::Bytes;

use super::{Subject, bytes, cases, text};
use crate::{Error, ReadAt};

cases![
    a_created_entry_is_read,
    a_missing_key_is_not_an_error,
    an_existing_key_is_not_created,
    a_swap_replaces_the_value,
    a_deletion_removes_the_key,
    a_deleted_key_can_be_created_again,
    every_write_increments_the_global_revision,
    arbitrary_bytes_are_stored,
    a_large_value_is_stored,
];

async fn a_created_entry_is_read(subject: Subject) {
    let created = subject.create("a", "one").await;
    assert_eq!(
        (&*created.key, text(&created)),
        (&*subject.key("a"), "one".to_owned())
    );
    let found = subject
        .storage
        .get(&created.key, ReadAt::Latest)
        .await
        .expect("get");
    let entry = found.entry.as_ref().expect("the entry");
    assert_eq!(
        (entry.revision, &entry.value),
        (created.revision, &created.value)
    );
    assert!(found.revision >= created.revision, "{found:?}");
}

async fn a_missing_key_is_not_an_error(subject: Subject) {
    let found = subject
        .storage
        .get(&subject.key("none"), ReadAt::Latest)
        .await
        .expect("get");
    assert!(found.entry.is_none());
    assert!(
        found.revision > 0,
        "zero would mean any revision in a later read"
    );
}

async fn an_existing_key_is_not_created(subject: Subject) {
    let first = subject.create("a", "one").await;
    let again = subject.storage.create(&first.key, bytes("two")).await;
    match again {
        Err(Error::AlreadyExists { key }) => assert_eq!(key, *first.key),
        other => panic!("{other:?}"),
    }
    let kept = subject.get("a", ReadAt::Latest).await.expect("the entry");
    assert_eq!(
        (text(&kept), kept.revision),
        ("one".to_owned(), first.revision)
    );
}

async fn a_swap_replaces_the_value(subject: Subject) {
    let one = subject.create("a", "one").await;
    let two = subject.swap(&one, "two").await;
    assert!(two.revision > one.revision);
    let read = subject.get("a", ReadAt::Latest).await.expect("the entry");
    assert_eq!(
        (text(&read), read.revision),
        ("two".to_owned(), two.revision)
    );
}

async fn a_deletion_removes_the_key(subject: Subject) {
    let one = subject.create("a", "one").await;
    let deleted = subject.delete(&one).await;
    assert!(deleted > one.revision);
    assert!(subject.get("a", ReadAt::Latest).await.is_none());
    assert!(
        subject
            .list(ReadAt::Latest, 0, None)
            .await
            .entries
            .is_empty()
    );
}

async fn a_deleted_key_can_be_created_again(subject: Subject) {
    let one = subject.create("a", "one").await;
    let deleted = subject.delete(&one).await;
    let again = subject.create("a", "again").await;
    assert!(again.revision > deleted);
    assert_eq!(
        text(&subject.get("a", ReadAt::Latest).await.expect("the entry")),
        "again"
    );
}

async fn every_write_increments_the_global_revision(subject: Subject) {
    let before = subject.revision().await;
    let a = subject.create("a", "").await;
    let b = subject.create("b", "").await;
    let a = (a.revision, subject.swap(&a, "x").await);
    let gone = subject.delete(&b).await;
    let revisions = [before, a.0, b.revision, a.1.revision, gone];
    assert!(
        revisions.is_sorted_by(|one, next| one < next),
        "{revisions:?}"
    );
    assert!(subject.revision().await >= gone);
    assert!(subject.list(ReadAt::Latest, 0, None).await.revision >= gone);
}

async fn arbitrary_bytes_are_stored(subject: Subject) {
    for (name, value) in [
        ("empty", &b""[..]),
        ("binary", b"\0\xff\n"),
        ("k8s", b"k8s\0\x0a"),
    ] {
        let value = Bytes::from_static(value);
        subject
            .storage
            .create(&subject.key(name), value.clone())
            .await
            .expect("create");
        assert_eq!(
            subject
                .get(name, ReadAt::Latest)
                .await
                .expect("the entry")
                .value,
            value
        );
    }
}

async fn a_large_value_is_stored(subject: Subject) {
    let value = Bytes::from(vec![7; 1 << 20]);
    let created = subject
        .storage
        .create(&subject.key("a"), value.clone())
        .await
        .expect("create");
    assert_eq!(created.value, value);
    assert_eq!(
        subject
            .get("a", ReadAt::Latest)
            .await
            .expect("the entry")
            .value,
        value
    );
}
