//! Writers that meet.

use std::sync::Arc;

use super::{Subject, bytes, cases, text};
use crate::{Entry, Error, ReadAt, Result};

cases![
    a_swap_of_what_changed_is_refused,
    a_swap_of_what_is_not_there_is_refused,
    a_deletion_of_what_changed_is_refused,
    a_deletion_of_what_is_not_there_is_refused,
    a_recreated_key_is_another,
    of_many_creators_one_wins,
    every_increment_counts_once,
];

/// What the conflict says is there.
fn actual<T: std::fmt::Debug>(result: Result<T>) -> Option<Arc<Entry>> {
    match result {
        Err(Error::Conflict { actual, .. }) => actual,
        other => panic!("a conflict, not {other:?}"),
    }
}

async fn a_swap_of_what_changed_is_refused(subject: Subject) {
    let one = subject.create("a", "one").await;
    let two = subject.swap(&one, "two").await;
    let late = subject
        .storage
        .compare_and_swap(&one.key, one.revision, bytes("late"))
        .await;
    let there = actual(late).expect("an entry");
    assert_eq!(
        (text(&there), there.revision),
        ("two".to_owned(), two.revision)
    );
    assert_eq!(&*there.key, &*one.key);
    assert_eq!(
        text(&subject.get("a", ReadAt::Latest).await.expect("the entry")),
        "two"
    );
}

async fn a_swap_of_what_is_not_there_is_refused(subject: Subject) {
    let swap = subject
        .storage
        .compare_and_swap(&subject.key("a"), 5, bytes("late"))
        .await;
    assert!(actual(swap).is_none());
    assert!(subject.get("a", ReadAt::Latest).await.is_none());
}

async fn a_deletion_of_what_changed_is_refused(subject: Subject) {
    let one = subject.create("a", "one").await;
    let two = subject.swap(&one, "two").await;
    let there = actual(subject.storage.delete(&one.key, one.revision).await).expect("an entry");
    assert_eq!(
        (text(&there), there.revision),
        ("two".to_owned(), two.revision)
    );
    assert!(subject.get("a", ReadAt::Latest).await.is_some());
}

async fn a_deletion_of_what_is_not_there_is_refused(subject: Subject) {
    assert!(actual(subject.storage.delete(&subject.key("a"), 5).await).is_none());
}

async fn a_recreated_key_is_another(subject: Subject) {
    let one = subject.create("a", "one").await;
    subject.delete(&one).await;
    let again = subject.create("a", "again").await;
    let late = subject
        .storage
        .compare_and_swap(&one.key, one.revision, bytes("late"))
        .await;
    assert_eq!(actual(late).expect("an entry").revision, again.revision);
}

async fn of_many_creators_one_wins(subject: Subject) {
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

async fn every_increment_counts_once(subject: Subject) {
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
