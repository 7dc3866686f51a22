//! Watches.

use bytes::Bytes;

use super::{Subject, cases, next, text};
use crate::{Entry, Event, Revision};

cases![
    events_include_the_previous_entry,
    past_changes_are_delivered_first,
    a_watch_is_limited_to_its_prefix,
    a_watch_starts_after_its_revision,
    a_recreated_key_has_no_previous_entry,
    changes_are_delivered_exactly_once,
    large_changes_are_delivered,
];

/// A compact form of a change: the operation, the name, and the values before and after.
fn shown(subject: &Subject, event: &Event) -> (String, Revision) {
    let value = |entry: &Entry| text(entry);
    let shown = match event {
        Event::Put {
            entry, previous, ..
        } => {
            let before = previous.as_deref().map_or("-".to_owned(), value);
            format!("put {} {before}>{}", subject.name(entry), value(entry))
        }
        Event::Delete { previous, .. } => {
            format!("delete {} {}", subject.name(previous), value(previous))
        }
        Event::Progress(_) => "progress".into(),
    };
    (shown, event.revision())
}

async fn events_include_the_previous_entry(subject: Subject) {
    let mut watch = subject.watch(subject.revision().await).await;
    let one = subject.create("a", "one").await;
    let two = subject.swap(&one, "two").await;
    let gone = subject.delete(&two).await;
    for (text, revision) in [
        ("put a ->one", one.revision),
        ("put a one>two", two.revision),
        ("delete a two", gone),
    ] {
        assert_eq!(
            shown(&subject, &*next(&mut watch).await),
            (text.to_owned(), revision)
        );
    }
}

async fn past_changes_are_delivered_first(subject: Subject) {
    let start = subject.revision().await;
    let one = subject.create("a", "one").await;
    let two = subject.swap(&one, "two").await;
    let mut watch = subject.watch(start).await;
    let three = subject.swap(&two, "three").await;
    for (text, revision) in [
        ("put a ->one", one.revision),
        ("put a one>two", two.revision),
        ("put a two>three", three.revision),
    ] {
        assert_eq!(
            shown(&subject, &*next(&mut watch).await),
            (text.to_owned(), revision)
        );
    }
}

async fn a_watch_is_limited_to_its_prefix(subject: Subject) {
    let start = subject.revision().await;
    let mut watch = subject
        .storage
        .watch(&subject.key("ns/"), start)
        .await
        .expect("watch");
    for name in ["ns", "ns2/x", "ns/x", "ns0", "ns/y"] {
        subject.create(name, "").await;
    }
    for name in ["ns/x", "ns/y"] {
        assert_eq!(next(&mut watch).await.key(), Some(&*subject.key(name)));
    }
}

async fn a_watch_starts_after_its_revision(subject: Subject) {
    let one = subject.create("a", "one").await;
    let mut after_one = subject.watch(one.revision).await;
    let two = subject.swap(&one, "two").await;
    assert_eq!(next(&mut after_one).await.revision(), two.revision);
    let mut before_two = subject.watch(two.revision - 1).await;
    assert_eq!(next(&mut before_two).await.revision(), two.revision);
}

async fn a_recreated_key_has_no_previous_entry(subject: Subject) {
    let one = subject.create("a", "one").await;
    let gone = subject.delete(&one).await;
    subject.create("a", "again").await;
    let mut watch = subject.watch(gone).await;
    assert_eq!(shown(&subject, &*next(&mut watch).await).0, "put a ->again");
}

/// Watches started before, during and after a burst of writes see the same changes in the same
/// order.
async fn changes_are_delivered_exactly_once(subject: Subject) {
    const WRITERS: usize = 8;
    const EACH: usize = 50;
    let start = subject.revision().await;
    let mut watches = vec![subject.watch(start).await];
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let subject = subject.clone();
            tokio::spawn(async move {
                let mut entry = subject.create(&format!("w{writer}"), "0").await;
                for n in 1..EACH {
                    entry = subject.swap(&entry, &n.to_string()).await;
                }
            })
        })
        .collect();
    next(&mut watches[0]).await;
    watches[0] = subject.watch(start).await;
    watches.push(subject.watch(start).await);
    for writer in writers {
        writer.await.expect("a writer");
    }
    watches.push(subject.watch(start).await);
    let mut delivered = Vec::new();
    for watch in &mut watches {
        let mut changes = Vec::new();
        for _ in 0..WRITERS * EACH {
            changes.push(shown(&subject, &*next(watch).await));
        }
        delivered.push(changes);
    }
    assert!(delivered[0].is_sorted_by(|one, next| one.1 < next.1));
    assert!(delivered.iter().all(|changes| *changes == delivered[0]));
    for writer in 0..WRITERS {
        let of_writer = delivered[0]
            .iter()
            .filter(|change| change.0.contains(&format!(" w{writer} ")));
        let expected = (0..EACH).map(|n| match n {
            0 => format!("put w{writer} ->0"),
            n => format!("put w{writer} {}>{n}", n - 1),
        });
        assert!(
            of_writer.map(|change| change.0.clone()).eq(expected),
            "writer {writer}"
        );
    }
}

async fn large_changes_are_delivered(subject: Subject) {
    let start = subject.revision().await;
    let value = Bytes::from(vec![b'x'; 1 << 20]);
    let key = subject.key("a");
    let mut entry = subject
        .storage
        .create(&key, value.clone())
        .await
        .expect("create");
    for _ in 0..5 {
        let swap = subject
            .storage
            .compare_and_swap(&key, entry.revision, value.clone());
        entry = swap.await.expect("swap");
    }
    let mut watch = subject.watch(start).await;
    for _ in 0..6 {
        match &*next(&mut watch).await {
            Event::Put { entry, .. } => assert_eq!(entry.value, value),
            other => panic!("{other:?}"),
        }
    }
}
