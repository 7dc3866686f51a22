//! Secrets of the cluster that authenticators look up; the server implements it.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;

/// A secret, as far as authenticators read it.
#[derive(Clone, Default)]
pub struct StoredSecret {
    /// Its type.
    pub kind: String,
    /// Its data, decoded.
    pub data: BTreeMap<String, Vec<u8>>,
    /// Whether it is on its way out.
    pub deleted: bool,
}

/// What is in it is left out.
impl fmt::Debug for StoredSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSecret")
            .field("kind", &self.kind)
            .field("deleted", &self.deleted)
            .finish_non_exhaustive()
    }
}

/// How far to look for a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Among those this server knows: anybody may make it look.
    Known,
    /// Another server may have made it a moment ago: for those who have proved something.
    Anywhere,
}

/// Where secrets are looked up.
#[async_trait]
pub trait Secrets: Send + Sync + 'static {
    /// The secret, if there is one that can be read.
    async fn secret(&self, namespace: &str, name: &str, look: Look) -> Option<StoredSecret>;
}
