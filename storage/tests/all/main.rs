//! Tests of the public API: conformance of each store, and its guarantees beyond that.

#![allow(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod cache;
mod cache_etcd;
mod cache_memory;
mod compactor;
mod embedded;
mod etcd;
mod full_disk;
mod kill;
mod model;
mod support;
