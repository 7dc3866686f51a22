//! Reading keys and ranges.

use std::sync::Arc;

use bytes::Bytes;
use etcd_client::{GetOptions, GetResponse, KeyValue, ResponseHeader};
use portcullis_api::protobuf::stored_as_json;

use super::error::Failure;
use super::pool::Pool;
use crate::{Entry, Error, Found, ListRequest, Page, ReadAt, Result, Revision};

/// How many entries are asked for at once.
const PAGE: usize = 500;

/// Reads one key.
pub(super) async fn get(pool: &Pool, key: &str, at: ReadAt) -> Result<Found, Failure> {
    let options = at_revision(GetOptions::new(), pinned(at)?);
    let mut response = pool
        .read(|mut kv| {
            let options = options.clone();
            async move { kv.get(key, Some(options)).await }
        })
        .await?;
    let revision = pinned(at)?.unwrap_or_else(|| header_revision(response.header()));
    let entry = response
        .take_kvs()
        .into_iter()
        .next()
        .map(entry)
        .transpose()?;
    Ok(Found { entry, revision })
}

/// Reads a range in parts, all of them of the first one's revision.
pub(super) async fn list(
    pool: &Pool,
    prefix: &str,
    request: &ListRequest,
) -> Result<Page, Failure> {
    let mut revision = pinned(request.at)?;
    let mut start = start_of(prefix, request.after.as_deref());
    let end = end_of(prefix);
    let mut entries = Vec::new();
    let mut most = PAGE;
    loop {
        let wanted = match request.limit {
            0 => most,
            limit => most.min(limit - entries.len()),
        };
        let options = GetOptions::new()
            .with_range(end.clone())
            .with_limit(to_wire(wanted as u64));
        let options = at_revision(options, revision);
        let read = pool.read_much(|mut kv| {
            let (start, options) = (start.clone(), options.clone());
            async move { kv.get(start, Some(options)).await }
        });
        let mut response = match read.await {
            Err(Failure::AnswerTooLarge) if wanted > 1 => {
                most = wanted / 2;
                continue;
            }
            other => other?,
        };
        let at = *revision.get_or_insert_with(|| header_revision(response.header()));
        let follow = remaining(&response);
        for kv in response.take_kvs() {
            entries.push(entry(kv)?);
        }
        if follow == 0 || entries.len() == request.limit {
            return Ok(Page {
                entries,
                revision: at,
                remaining: follow,
            });
        }
        if let Some(last) = entries.last() {
            start = start_of(prefix, Some(&last.key));
        }
    }
}

/// How many entries follow those in the answer.
fn remaining(response: &GetResponse) -> usize {
    let count = usize::try_from(response.count()).unwrap_or(0);
    count.saturating_sub(response.kvs().len())
}

/// Whether an answer is as new as it had to be.
pub(super) fn fresh_enough(at: ReadAt, current: Revision) -> Result<()> {
    match at {
        ReadAt::NotOlderThan(requested) if requested > current => {
            Err(Error::TooNew { requested, current })
        }
        _ => Ok(()),
    }
}

/// The revision a reader named.
pub(super) fn asked_for(at: ReadAt) -> Revision {
    match at {
        ReadAt::Latest => 0,
        ReadAt::NotOlderThan(revision) | ReadAt::Exactly(revision) => revision,
    }
}

/// The one revision to read at, if it has to be one.
fn pinned(at: ReadAt) -> Result<Option<Revision>, Failure> {
    match at {
        // To etcd zero means the latest.
        ReadAt::Exactly(0) => Err(Failure::Compacted),
        ReadAt::Exactly(revision) => Ok(Some(revision)),
        ReadAt::Latest | ReadAt::NotOlderThan(_) => Ok(None),
    }
}

fn at_revision(options: GetOptions, revision: Option<Revision>) -> GetOptions {
    match revision {
        Some(revision) => options.with_revision(to_wire(revision)),
        None => options,
    }
}

/// The first key that may be in a page.
fn start_of(prefix: &str, after: Option<&str>) -> Vec<u8> {
    match after {
        Some(after) if after >= prefix => [after.as_bytes(), b"\0"].concat(),
        // etcd has no empty key.
        _ if prefix.is_empty() => vec![0],
        _ => prefix.into(),
    }
}

/// The first key after all that start with `prefix`; zero stands for the end of all keys.
fn end_of(prefix: &str) -> Vec<u8> {
    let mut end = prefix.as_bytes().to_vec();
    // UTF-8 has no byte 0xff, so that the last one can always be raised.
    match end.last_mut() {
        Some(last) => *last = last.saturating_add(1),
        None => end.push(0),
    }
    end
}

/// An entry of what etcd holds; what a kube-apiserver wrote there as protobuf is handed out as JSON.
pub(super) fn entry(kv: KeyValue) -> Result<Arc<Entry>, Failure> {
    let revision = from_wire(kv.mod_revision());
    let (key, value) = kv.into_key_value();
    let key = String::from_utf8(key)
        .map_err(|error| Failure::Unknown(format!("a key in etcd is not text: {error}")))?;
    let value = Bytes::from(stored_as_json(value));
    Ok(Entry::new(key, value, revision))
}

/// The revision of the store when it answered.
pub(super) fn header_revision(header: Option<&ResponseHeader>) -> Revision {
    header.map_or(0, |header| from_wire(header.revision()))
}

/// etcd counts in signed numbers, and never below zero.
pub(super) fn to_wire(revision: Revision) -> i64 {
    i64::try_from(revision).unwrap_or(i64::MAX)
}

/// See [`to_wire`].
pub(super) fn from_wire(revision: i64) -> Revision {
    Revision::try_from(revision).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_ends_after_its_prefix() {
        assert_eq!(end_of("/registry/pods/"), b"/registry/pods0");
        assert_eq!(end_of(""), b"\0");
    }

    #[test]
    fn a_range_starts_after_the_last_page() {
        assert_eq!(start_of("/a/", None), b"/a/");
        assert_eq!(start_of("/a/", Some("/a/x")), b"/a/x\0");
        assert_eq!(start_of("/a/", Some("/")), b"/a/");
        assert_eq!(start_of("", None), b"\0");
    }
}
