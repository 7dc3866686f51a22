//! Writes: one transaction each, which compares the key's revision and reads the key if it differs.

use std::sync::Arc;

use bytes::Bytes;
use etcd_client::{Compare, CompareOp, Txn, TxnOp, TxnOpResponse, TxnResponse};

use super::pool::Pool;
use super::read::{entry, header_revision, to_wire};
use crate::{Entry, Error, Result, Revision};

/// Writes a key that does not exist.
pub(super) async fn create(pool: &Pool, key: &str, value: Bytes) -> Result<Arc<Entry>> {
    let write = TxnOp::put(key, value.as_ref(), None);
    match run(pool, key, 0, write, None).await? {
        Outcome::Committed(revision) => Ok(Entry::new(key, value, revision)),
        Outcome::Mismatch(_) => Err(Error::AlreadyExists { key: key.into() }),
    }
}

/// Writes a key that is at revision `expected`.
pub(super) async fn compare_and_swap(
    pool: &Pool,
    key: &str,
    expected: Revision,
    value: Bytes,
) -> Result<Arc<Entry>> {
    let write = TxnOp::put(key, value.as_ref(), None);
    match run(pool, key, expected, write, Some(TxnOp::get(key, None))).await? {
        Outcome::Committed(revision) => Ok(Entry::new(key, value, revision)),
        Outcome::Mismatch(response) => Err(conflict(key, &response)),
    }
}

/// Deletes a key that is at revision `expected`.
pub(super) async fn delete(pool: &Pool, key: &str, expected: Revision) -> Result<Revision> {
    let write = TxnOp::delete(key, None);
    match run(pool, key, expected, write, Some(TxnOp::get(key, None))).await? {
        Outcome::Committed(revision) => Ok(revision),
        Outcome::Mismatch(response) => Err(conflict(key, &response)),
    }
}

enum Outcome {
    /// Committed at this revision.
    Committed(Revision),
    /// The key was not at the expected revision.
    Mismatch(TxnResponse),
}

async fn run(
    pool: &Pool,
    key: &str,
    expected: Revision,
    write: TxnOp,
    otherwise: Option<TxnOp>,
) -> Result<Outcome> {
    let unchanged = Compare::mod_revision(key, CompareOp::Equal, to_wire(expected));
    let txn = Txn::new().when([unchanged]).and_then([write]);
    let txn = match otherwise {
        Some(read) => txn.or_else([read]),
        None => txn,
    };
    let call = pool.write(|mut kv| {
        let txn = txn.clone();
        async move { kv.txn(txn).await }
    });
    let response = call.await.map_err(|failure| failure.into_error(0))?;
    if response.succeeded() {
        Ok(Outcome::Committed(header_revision(response.header())))
    } else {
        Ok(Outcome::Mismatch(response))
    }
}

fn conflict(key: &str, response: &TxnResponse) -> Error {
    let actual = response
        .op_responses()
        .into_iter()
        .find_map(|response| match response {
            TxnOpResponse::Get(mut get) => get.take_kvs().into_iter().next(),
            _ => None,
        });
    match actual.map(entry).transpose() {
        Ok(actual) => Error::Conflict {
            key: key.into(),
            actual,
        },
        Err(failure) => failure.into_error(0),
    }
}
