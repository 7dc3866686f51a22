//! The description that the stand-in for etcd serves of itself.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The path of this description.
pub const ABOUT: &str = "/portcullis";

/// Where a server may keep its store, and how.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    /// etcd's data directory.
    pub data_dir: PathBuf,
    /// Whether writes need not wait for the disk.
    pub unsafe_no_fsync: bool,
}
