//! Concurrent writers.

use std::sync::Arc;

use super::{Subject, bytes, cases, text};
use crate::{Entry, Error, ReadAt, Result};

cases![
    a_swap_of_a_changed_entry_conflicts,
    a_swap_of_a_missing_key_conflicts,
    a_deletion_of_a_changed_entry_conflicts,
    a_deletion_of_a_missing_key_conflicts,
    a_recreated_key_conflicts_with_its_old_revision,
    one_of_many_creators_wins,
    concurrent_increments_are_not_lost,
];

/// The current entry that the conflict reports.
fn actual<T: std::fmt::Debug>(result: Result<T>) -> Option<Arc<Entry>> {
    match result {
        Err(Error::Conflict { actual, .. }) => actual,
        other => panic!("a conflict, not {other:?}"),
    }
}

async fn a_swap_of_a_changed_entry_conflicts(subject: Subject) {
    let one = subject.create("a", "one").await;
    let two = subject.swap(&one, "two").await;
    let late = subject
        .storage
        .compare_and_swap(&one.key, one.revision, bytes("late"))
        .await;
    let current = actual(late).expect("an entry");
    assert_eq!(
        (text(&current), current.revision),
        ("two".to_owned(), two.revision)
    );
    assert_eq!(&*current.key, &*one.key);
    assert_eq!(
        text(&subject.get("a", ReadAt::Latest).await.expect("the entry")),
        "two"
    );
}

async fn a_swap_of_a_missing_key_conflicts(subject: Subject) {
    let swap = subject
        .storage
        .compare_and_swap(&subject.key("a"), 5, bytes("late"))
        .await;
    assert!(actual(swap).is_none());
    assert!(subject.get("a", ReadAt::Latest).await.is_none());
}

async fn a_deletion_of_a_changed_entry_conflicts(subject: Subject) {
    let one = subject.create("a", "one").await;
    let two = subject.swap(&one, "two").await;
    let current = actual(subject.storage.delete(&one.key, one.revision).await).expect("an entry");
    assert_eq!(
        (text(&current), current.revision),
        ("two".to_owned(), two.revision)
    );
    assert!(subject.get("a", ReadAt::Latest).await.is_some());
}

async fn a_deletion_of_a_missing_key_conflicts(subject: Subject) {
    assert!(actual(subject.storage.delete(&subject.key("a"), 5).await).is_none());
}

async fn a_recreated_key_conflicts_with_its_old_revision(subject: Subject) {
    let one = subject.create("a", "one").await;
    subject.delete(&one).await;
    let again = subject.create("a", "again").await;
    let late = subject
        .storage
        .compare_and_swap(&one.key, one.revision, bytes("late"))
        .await;
    assert_eq!(actual(late).expect("an entry").revision, again.revision);
}

async fn one_of_many_creators_wins(subject: Subject) {
    let tasks: Vec<_> = (0..32)
        .map(|n| {
            let subject = subject.clone();
            tokio::spawn(async move {
                subject
                    .storage
                    .create(&subject.key("a"), bytes(&n.to_string()))
                    .await
            })
        })
        .collect();
    let mut winners = Vec::new();
    for task in tasks {
        match task.await.expect("a task") {
            Ok(entry) => winners.push(entry),
            Err(Error::AlreadyExists { .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    let [winner] = winners.as_slice() else {
        panic!("{winners:?}")
    };
    let kept = subject.get("a", ReadAt::Latest).await.expect("the entry");
    assert_eq!(
        (kept.revision, &kept.value),
        (winner.revision, &winner.value)
    );
}

async fn concurrent_increments_are_not_lost(subject: Subject) {
    const TASKS: usize = 64;
    const EACH: usize = 4;
    subject.create("count", "0").await;
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let subject = subject.clone();
            tokio::spawn(async move {
                for _ in 0..EACH {
                    increment(&subject).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a task");
    }
    let count = subject
        .get("count", ReadAt::Latest)
        .await
        .expect("the entry");
    assert_eq!(text(&count), (TASKS * EACH).to_string());
}

async fn increment(subject: &Subject) {
    let mut entry = subject
        .get("count", ReadAt::Latest)
        .await
        .expect("the entry");
    loop {
        let count: usize = text(&entry).parse().expect("a number");
        let next = bytes(&(count + 1).to_string());
        match subject
            .storage
            .compare_and_swap(&entry.key, entry.revision, next)
            .await
        {
            Ok(_) => return,
            other => entry = actual(other).expect("an entry"),
        }
    }
}
