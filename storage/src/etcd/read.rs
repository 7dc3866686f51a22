//! Reads of keys and ranges.

use std::sync::Arc;

use bytes::Bytes;
use etcd_client::{GetOptions, GetResponse, KeyValue, ResponseHeader};
use portcullis_api::protobuf::stored_as_json;

use super::error::Failure;
use super::pool::Pool;
use crate::{Entry, Error, Found, ListRequest, Page, ReadAt, Result, Revision};

/// The maximum number of entries per request.
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

/// Reads a range in pages, all at the revision of the first one.
pub(super) async fn list(
    pool: &Pool,
    prefix: &str,
    request: &ListRequest,
) -> Result<Page, Failure> {
    let mut revision = pinned(request.at)?;
    let mut start = range_start(prefix, request.after.as_deref());
    let end = range_end(prefix);
    let mut entries = Vec::new();
    let mut page_limit = PAGE;
    loop {
        let count = match request.limit {
            0 => page_limit,
            limit => page_limit.min(limit - entries.len()),
        };
        let options = GetOptions::new()
            .with_range(end.clone())
            .with_limit(to_wire(count as u64));
        let options = at_revision(options, revision);
        let read = pool.read_large(|mut kv| {
            let (start, options) = (start.clone(), options.clone());
            async move { kv.get(start, Some(options)).await }
        });
        let mut response = match read.await {
            Err(Failure::ResponseTooLarge) if count > 1 => {
                page_limit = count / 2;
                continue;
            }
            other => other?,
        };
        let at = *revision.get_or_insert_with(|| header_revision(response.header()));
        let remaining = remaining(&response);
        for kv in response.take_kvs() {
            entries.push(entry(kv)?);
        }
        if remaining == 0 || entries.len() == request.limit {
            return Ok(Page {
                entries,
                revision: at,
                remaining,
            });
        }
        if let Some(last) = entries.last() {
            start = range_start(prefix, Some(&last.key));
        }
    }
}

/// How many entries of the range follow those in the response.
fn remaining(response: &GetResponse) -> usize {
    let count = usize::try_from(response.count()).unwrap_or(0);
    count.saturating_sub(response.kvs().len())
}

/// Checks that a response is as fresh as requested.
pub(super) fn check_freshness(at: ReadAt, current: Revision) -> Result<()> {
    match at {
        ReadAt::NotOlderThan(requested) if requested > current => {
            Err(Error::TooNew { requested, current })
        }
        _ => Ok(()),
    }
}

/// The revision named in the request; zero if there is none.
pub(super) fn requested_revision(at: ReadAt) -> Revision {
    match at {
        ReadAt::Latest => 0,
        ReadAt::NotOlderThan(revision) | ReadAt::Exactly(revision) => revision,
    }
}

/// The exact revision to read at, if one is required.
fn pinned(at: ReadAt) -> Result<Option<Revision>, Failure> {
    match at {
        // etcd reads zero as the latest revision.
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

/// The lower bound of a page's keys.
fn range_start(prefix: &str, after: Option<&str>) -> Vec<u8> {
    match after {
        Some(after) if after >= prefix => [after.as_bytes(), b"\0"].concat(),
        // etcd does not allow the empty key.
        _ if prefix.is_empty() => vec![0],
        _ => prefix.into(),
    }
}

/// The exclusive upper bound of the keys that start with `prefix`; a zero byte means no bound.
fn range_end(prefix: &str) -> Vec<u8> {
    let mut end = prefix.as_bytes().to_vec();
    // UTF-8 contains no byte 0xff, so the last one can always be incremented.
    match end.last_mut() {
        Some(last) => *last = last.saturating_add(1),
        None => end.push(0),
    }
    end
}

/// Converts etcd's key and value to an entry; protobuf written by a kube-apiserver becomes JSON.
pub(super) fn entry(kv: KeyValue) -> Result<Arc<Entry>, Failure> {
    let revision = from_wire(kv.mod_revision());
    let (key, value) = kv.into_key_value();
    let key = String::from_utf8(key)
        .map_err(|error| Failure::Unknown(format!("a key in etcd is not UTF-8: {error}")))?;
    let value = Bytes::from(stored_as_json(value));
    Ok(Entry::new(key, value, revision))
}

/// The store's revision at the time of the response.
pub(super) fn header_revision(header: Option<&ResponseHeader>) -> Revision {
    header.map_or(0, |header| from_wire(header.revision()))
}

/// etcd's revisions are signed, but never negative.
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
        assert_eq!(range_end("/registry/pods/"), b"/registry/pods0");
        assert_eq!(range_end(""), b"\0");
    }

    #[test]
    fn a_range_starts_after_the_last_page() {
        assert_eq!(range_start("/a/", None), b"/a/");
        assert_eq!(range_start("/a/", Some("/a/x")), b"/a/x\0");
        assert_eq!(range_start("/a/", Some("/")), b"/a/");
        assert_eq!(range_start("", None), b"\0");
    }
}
