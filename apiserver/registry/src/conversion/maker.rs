//! Makes the missing views of entries.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use portcullis_kinds::custom::CustomKind;
use portcullis_kinds::resource::Resource;
use portcullis_storage::Entry;
use serde_json::Value;

use super::views::View;
use super::{Conversions, Failure};
use crate::codec;

/// How many objects are converted in one call, and how many bytes they may have together: the response must
/// not exceed its limit.
const CALL_OBJECTS: usize = 500;
const CALL_BYTES: usize = 2 << 20;
/// How many calls one request makes concurrently.
const CALLS_AT_ONCE: usize = 4;

/// How an entry that cannot be read is handled among others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    Fail,
    Skip,
}

#[derive(Clone, Copy)]
pub(super) struct Maker<'a> {
    pub(super) conversions: &'a Conversions,
    pub(super) resource: &'a Resource,
    pub(super) kind: &'a CustomKind,
    pub(super) api_version: &'a str,
    pub(super) unreadable: Unreadable,
}

/// The position of an entry, the entry, and the slot of its view.
pub(super) type Missing<'a> = (usize, &'a Arc<Entry>, View);

/// Views with their positions.
type Made = Vec<(usize, Arc<Entry>)>;

impl<'a> Maker<'a> {
    pub(super) fn make_one(
        self,
        entry: &'a Arc<Entry>,
    ) -> BoxFuture<'a, Result<Arc<Entry>, Failure>> {
        async move {
            let document = self.read(entry)?;
            let documents = self
                .conversions
                .documents(self.kind, self.api_version, vec![document]);
            let document = documents.await?.into_iter().next().unwrap_or_default();
            self.view_of(entry, document)
        }
        .boxed()
    }

    /// Makes the views of many entries, and keeps them.
    pub(super) fn make_all(
        self,
        missing: &'a [Missing<'a>],
    ) -> BoxFuture<'a, Result<Made, Failure>> {
        let calls = calls(missing).into_iter().map(move |part| self.make(part));
        let calls: Vec<_> = calls.collect();
        stream::iter(calls)
            .buffered(CALLS_AT_ONCE)
            .try_concat()
            .boxed()
    }

    fn make(self, missing: &'a [Missing<'a>]) -> BoxFuture<'a, Result<Made, Failure>> {
        async move {
            let (mut read, mut documents) = (Vec::new(), Vec::new());
            for missing in missing {
                if let Some(document) = self.usable(self.read(missing.1))? {
                    read.push(missing);
                    documents.push(document);
                }
            }
            let documents = self
                .conversions
                .documents(self.kind, self.api_version, documents);
            let mut made = Made::new();
            for ((at, entry, slot), document) in read.into_iter().zip(documents.await?) {
                let view = self.view_of(entry, document);
                if let Some(view) = self.usable(view)? {
                    // another request may be making it, or have made it
                    slot.set(view.clone());
                    made.push((*at, view));
                }
            }
            Ok(made)
        }
        .boxed()
    }

    /// The stored document, with the current defaults of its schema.
    fn read(self, entry: &Entry) -> Result<Value, Failure> {
        let mut document = codec::document(entry).map_err(Failure::Unreadable)?;
        self.kind.default_stored(&mut document);
        Ok(document)
    }

    /// A document of the version as an entry.
    fn view_of(self, entry: &Entry, document: Value) -> Result<Arc<Entry>, Failure> {
        let object = self.kind.adopt(self.api_version, document);
        let object = object.map_err(|why| Failure::Unreadable(codec::unreadable(entry, why)))?;
        let bytes = codec::encode_as(self.resource, self.api_version, Box::new(object));
        // usually it equals the stored bytes
        let value = match bytes == entry.value {
            true => entry.value.clone(),
            false => bytes,
        };
        Ok(Entry::new(entry.key.clone(), value, entry.revision))
    }

    fn usable<T>(self, outcome: Result<T, Failure>) -> Result<Option<T>, Failure> {
        match outcome {
            Ok(value) => Ok(Some(value)),
            Err(Failure::Unreadable(_)) if self.unreadable == Unreadable::Skip => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}

/// The entries of each call: as many as fit, and at least one.
fn calls<'a, 'm>(mut missing: &'m [Missing<'a>]) -> Vec<&'m [Missing<'a>]> {
    let mut calls = Vec::new();
    while !missing.is_empty() {
        let mut bytes = 0;
        let fits = |missing: &&Missing<'_>| {
            bytes += missing.1.value.len();
            bytes <= CALL_BYTES
        };
        let fitting = missing.iter().take(CALL_OBJECTS).take_while(fits).count();
        let (call, rest) = missing.split_at(fitting.max(1));
        calls.push(call);
        missing = rest;
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_bounded_by_number_and_size() {
        let sizes = |entries: &[usize]| {
            let entries = entries.iter();
            let entries: Vec<_> = entries
                .map(|size| Entry::new("/k", vec![b' '; *size].into(), 1))
                .collect();
            let missing = entries.iter().enumerate();
            let missing: Vec<_> = missing.map(|(at, e)| (at, e, View::default())).collect();
            calls(&missing)
                .iter()
                .map(|call| call.len())
                .collect::<Vec<_>>()
        };
        assert_eq!(sizes(&[1; 1001]), [500, 500, 1]);
        let large = CALL_BYTES / 2;
        assert_eq!(sizes(&[large, large, 1, 2 * CALL_BYTES, 1]), [2, 1, 1, 1]);
        assert_eq!(sizes(&[]), [0; 0]);
    }
}
