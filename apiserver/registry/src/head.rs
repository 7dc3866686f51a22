//! The few fields of a stored object that the server needs for any kind, without parsing the rest.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{OwnerReference, Time};
use portcullis_storage::Entry;
use serde::Deserialize;

/// The head of an object.
#[derive(Debug, Deserialize)]
pub struct Head {
    /// The part of the metadata that matters.
    pub metadata: HeadMeta,
}

/// A part of an object's metadata.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeadMeta {
    /// The uid.
    pub uid: String,
    /// When its deletion started, or is due.
    #[serde(default)]
    pub deletion_timestamp: Option<Time>,
    /// Its owners.
    #[serde(default)]
    pub owner_references: Vec<OwnerReference>,
    /// Its finalizers.
    #[serde(default)]
    pub finalizers: Vec<String>,
}

impl HeadMeta {
    /// Reads an entry.
    ///
    /// # Errors
    /// If the entry is not JSON, or not an object.
    pub fn read(entry: &Entry) -> Result<Self, serde_json::Error> {
        serde_json::from_slice::<Head>(&entry.value).map(|head| head.metadata)
    }

    /// Whether it is being deleted.
    pub const fn is_deleting(&self) -> bool {
        self.deletion_timestamp.is_some()
    }

    /// Whether a finalizer holds it.
    pub fn has_finalizer(&self, finalizer: &str) -> bool {
        self.finalizers.iter().any(|f| f == finalizer)
    }
}
