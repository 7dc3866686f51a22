//! What a process in etcd's place says of itself.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The path at which it says so.
pub const ABOUT: &str = "/portcullis";

/// Where a server may keep its store, and how.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    /// The data directory that etcd would have.
    pub data_dir: PathBuf,
    /// Whether writes need not wait for the disk.
    pub unsafe_no_fsync: bool,
}
