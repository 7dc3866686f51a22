//! Compaction.

use super::{Subject, cases, end, next, text};
use crate::{Error, ListRequest, ReadAt, Revision};

cases![
    compaction_keeps_current_entries,
    reads_of_compacted_revisions_fail,
    watches_from_compacted_revisions_fail,
    compaction_does_not_disturb_later_watches,
    compacting_again_succeeds,
    compacting_a_future_revision_fails,
];

/// Writes a key several times; returns the revisions, the last of which is current.
async fn with_history(subject: &Subject) -> Vec<Revision> {
    let mut entry = subject.create("a", "0").await;
    let mut revisions = vec![entry.revision];
    for n in 1..5 {
        entry = subject.swap(&entry, &n.to_string()).await;
        revisions.push(entry.revision);
    }
    revisions
}

async fn compact(subject: &Subject, revision: Revision) {
    subject.storage.compact(revision).await.expect("compact");
}

fn assert_compacted(error: &Error, expected: Revision) {
    match error {
        Error::Compacted { requested, oldest } => {
            assert!(*requested == expected && *oldest > expected, "{error:?}");
        }
        other => panic!("{other:?}"),
    }
}

async fn compaction_keeps_current_entries(subject: Subject) {
    let revisions = with_history(&subject).await;
    let b = subject.create("b", "gone").await;
    let gone = subject.delete(&b).await;
    compact(&subject, gone).await;
    let a = subject.get("a", ReadAt::Latest).await.expect("the entry");
    assert_eq!((text(&a), a.revision), ("4".to_owned(), revisions[4]));
    assert!(subject.get("b", ReadAt::Latest).await.is_none());
    assert_eq!(
        subject
            .list(ReadAt::Exactly(gone), 0, None)
            .await
            .entries
            .len(),
        1
    );
    assert!(subject.revision().await >= gone);
    let next = subject.swap(&a, "5").await;
    assert!(next.revision > gone);
}

async fn reads_of_compacted_revisions_fail(subject: Subject) {
    let revisions = with_history(&subject).await;
    compact(&subject, revisions[3]).await;
    for revision in &revisions[..3] {
        let at = ReadAt::Exactly(*revision);
        let get = subject.storage.get(&subject.key("a"), at).await;
        assert_compacted(&get.expect_err("compacted"), *revision);
        let request = ListRequest {
            at,
            limit: 2,
            after: Some(subject.key("0")),
        };
        let list = subject.storage.list(&subject.prefix, &request).await;
        assert_compacted(&list.expect_err("compacted"), *revision);
    }
    let kept = subject
        .get("a", ReadAt::Exactly(revisions[3]))
        .await
        .expect("the entry");
    assert_eq!(text(&kept), "3");
}

/// The store may return the error from the call or in the stream.
async fn watches_from_compacted_revisions_fail(subject: Subject) {
    let revisions = with_history(&subject).await;
    compact(&subject, revisions[3]).await;
    let error = match subject.storage.watch(&subject.prefix, revisions[0]).await {
        Ok(mut watch) => end(&mut watch).await,
        Err(error) => error,
    };
    assert_compacted(&error, revisions[0]);
}

async fn compaction_does_not_disturb_later_watches(subject: Subject) {
    let revisions = with_history(&subject).await;
    let mut running = subject.watch(revisions[3]).await;
    assert_eq!(next(&mut running).await.revision(), revisions[4]);
    compact(&subject, revisions[4]).await;
    let mut fresh = subject.watch(revisions[4]).await;
    let b = subject.create("b", "").await;
    assert_eq!(next(&mut running).await.revision(), b.revision);
    assert_eq!(next(&mut fresh).await.revision(), b.revision);
}

async fn compacting_again_succeeds(subject: Subject) {
    let revisions = with_history(&subject).await;
    compact(&subject, revisions[3]).await;
    compact(&subject, revisions[3]).await;
    compact(&subject, revisions[1]).await;
    assert!(
        subject
            .get("a", ReadAt::Exactly(revisions[3]))
            .await
            .is_some()
    );
}

async fn compacting_a_future_revision_fails(subject: Subject) {
    let now = subject.revision().await;
    let result = subject.storage.compact(now + 1_000_000).await;
    assert!(matches!(result, Err(Error::TooNew { .. })), "{result:?}");
}
