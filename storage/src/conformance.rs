//! The conformance suite of stores (feature `test-util`).
//!
//! The required semantics are those of etcd as Kubernetes uses it; upstream's own suite for its
//! stores is `k8s.io/apiserver/pkg/storage/testing`.
//!
//! A case panics when a store does not conform. Cases use keys of their own, so that they can share
//! a store, but run one after the other because of compaction.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;

use crate::{Entry, Error, Event, ListRequest, Page, ReadAt, Result, Revision, Storage, Watch};

mod compaction;
mod conflicts;
mod crud;
mod list;
mod watch;

/// The timeout of any single step.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The store under test, and the prefix of a case's keys.
#[derive(Clone)]
struct Subject {
    storage: Arc<dyn Storage>,
    /// Ends with a slash.
    prefix: String,
}

type Run = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One test case.
struct Case {
    name: &'static str,
    run: fn(Subject) -> Run,
}

/// Builds the table of cases from the named async functions.
macro_rules! cases {
    ($($case:ident),+ $(,)?) => {
        pub(super) const CASES: &[super::Case] = &[$(super::Case {
            name: concat!(module_path!(), "::", stringify!($case)),
            run: |subject| Box::pin($case(subject)),
        }),+];
    };
}
use cases;

/// Runs every case against `storage`, with keys under `/registry/`; returns the number of cases.
///
/// # Panics
/// If the store does not conform.
pub async fn run(storage: Arc<dyn Storage>) -> usize {
    let all = [
        crud::CASES,
        conflicts::CASES,
        list::CASES,
        watch::CASES,
        compaction::CASES,
    ];
    let all = all.concat();
    for Case { name, run } in &all {
        let short = name
            .rsplit_once("conformance::")
            .map_or(*name, |(_, short)| short);
        let prefix = format!("/registry/{}/", short.replace("::", "-"));
        let case = run(Subject {
            storage: storage.clone(),
            prefix,
        });
        let begun = Instant::now();
        tokio::time::timeout(TIMEOUT * 3, case).await.expect(name);
        println!("{short}: {:.1?}", begun.elapsed());
    }
    all.len()
}

impl Clone for Case {
    fn clone(&self) -> Self {
        Self {
            name: self.name,
            run: self.run,
        }
    }
}

impl Subject {
    /// The full key of `name`.
    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    async fn create(&self, name: &str, value: &str) -> Arc<Entry> {
        self.storage
            .create(&self.key(name), bytes(value))
            .await
            .expect("create")
    }

    async fn swap(&self, entry: &Entry, value: &str) -> Arc<Entry> {
        let swapped = self
            .storage
            .compare_and_swap(&entry.key, entry.revision, bytes(value));
        swapped.await.expect("swap")
    }

    async fn delete(&self, entry: &Entry) -> Revision {
        self.storage
            .delete(&entry.key, entry.revision)
            .await
            .expect("delete")
    }

    async fn get(&self, name: &str, at: ReadAt) -> Option<Arc<Entry>> {
        self.storage
            .get(&self.key(name), at)
            .await
            .expect("get")
            .entry
    }

    async fn list(&self, at: ReadAt, limit: usize, after: Option<&str>) -> Page {
        let after = after.map(|name| self.key(name));
        self.storage
            .list(&self.prefix, &ListRequest { at, limit, after })
            .await
            .expect("list")
    }

    async fn revision(&self) -> Revision {
        self.storage.revision().await.expect("revision")
    }

    async fn watch(&self, after: Revision) -> Watch {
        self.storage
            .watch(&self.prefix, after)
            .await
            .expect("watch")
    }

    /// Names and values of entries, as `name=value`.
    fn shown(&self, entries: &[Arc<Entry>]) -> Vec<String> {
        entries
            .iter()
            .map(|entry| format!("{}={}", self.name(entry), text(entry)))
            .collect()
    }

    fn name<'a>(&self, entry: &'a Entry) -> &'a str {
        entry.key.strip_prefix(&self.prefix).unwrap_or(&entry.key)
    }
}

fn bytes(value: &str) -> Bytes {
    Bytes::copy_from_slice(value.as_bytes())
}

fn text(entry: &Entry) -> String {
    String::from_utf8_lossy(&entry.value).into_owned()
}

/// The next change, skipping progress.
async fn next(watch: &mut Watch) -> Arc<Event> {
    loop {
        let event = next_event(watch).await.expect("an event, not an error");
        if event.key().is_some() {
            return event;
        }
    }
}

/// The error that ends a watch.
async fn end(watch: &mut Watch) -> Error {
    loop {
        if let Err(error) = next_event(watch).await {
            return error;
        }
    }
}

async fn next_event(watch: &mut Watch) -> Result<Arc<Event>> {
    let next = tokio::time::timeout(TIMEOUT, watch.next()).await;
    next.expect("an event in time")
        .expect("an event, not the end")
}
