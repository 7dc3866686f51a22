//! Forgetting.

use super::{Subject, cases, end, next, text};
use crate::{Error, ListRequest, ReadAt, Revision};

cases![
    the_present_survives,
    the_forgotten_past_is_refused,
    a_watch_from_the_forgotten_past_is_refused,
    a_watch_from_what_is_kept_goes_on,
    forgetting_again_is_no_error,
    the_future_cannot_be_forgotten,
];

/// A key with a past: its revisions, the last one current.
async fn with_a_past(subject: &Subject) -> Vec<Revision> {
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

fn is_compacted(error: &Error, asked: Revision) {
    match error {
        Error::Compacted { requested, oldest } => {
            assert!(*requested == asked && *oldest > asked, "{error:?}");
        }
        other => panic!("{other:?}"),
    }
}

async fn the_present_survives(subject: Subject) {
    let revisions = with_a_past(&subject).await;
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

async fn the_forgotten_past_is_refused(subject: Subject) {
    let revisions = with_a_past(&subject).await;
    compact(&subject, revisions[3]).await;
    for revision in &revisions[..3] {
        let at = ReadAt::Exactly(*revision);
        let get = subject.storage.get(&subject.key("a"), at).await;
        is_compacted(&get.expect_err("compacted"), *revision);
        let request = ListRequest {
            at,
            limit: 2,
            after: Some(subject.key("0")),
        };
        let list = subject.storage.list(&subject.prefix, &request).await;
        is_compacted(&list.expect_err("compacted"), *revision);
    }
    let kept = subject
        .get("a", ReadAt::Exactly(revisions[3]))
        .await
        .expect("the entry");
    assert_eq!(text(&kept), "3");
}

/// Whether the call or the stream says so is the store's choice.
async fn a_watch_from_the_forgotten_past_is_refused(subject: Subject) {
    let revisions = with_a_past(&subject).await;
    compact(&subject, revisions[3]).await;
    let error = match subject.storage.watch(&subject.prefix, revisions[0]).await {
        Ok(mut watch) => end(&mut watch).await,
        Err(error) => error,
    };
    is_compacted(&error, revisions[0]);
}

async fn a_watch_from_what_is_kept_goes_on(subject: Subject) {
    let revisions = with_a_past(&subject).await;
    let mut running = subject.watch(revisions[3]).await;
    assert_eq!(next(&mut running).await.revision(), revisions[4]);
    compact(&subject, revisions[4]).await;
    let mut fresh = subject.watch(revisions[4]).await;
    let b = subject.create("b", "").await;
    assert_eq!(next(&mut running).await.revision(), b.revision);
    assert_eq!(next(&mut fresh).await.revision(), b.revision);
}

async fn forgetting_again_is_no_error(subject: Subject) {
    let revisions = with_a_past(&subject).await;
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

async fn the_future_cannot_be_forgotten(subject: Subject) {
    let now = subject.revision().await;
    let result = subject.storage.compact(now + 1_000_000).await;
    assert!(matches!(result, Err(Error::TooNew { .. })), "{result:?}");
}
