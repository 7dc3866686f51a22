//! Access of authenticators to the cluster's secrets; implemented by the server.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;

/// The parts of a secret that authenticators use.
#[derive(Clone, Default)]
pub struct StoredSecret {
    /// The secret's type.
    pub kind: String,
    /// The decoded data.
    pub data: BTreeMap<String, Vec<u8>>,
    /// Whether it is marked as deleted.
    pub deleted: bool,
}

/// Does not show the data.
impl fmt::Debug for StoredSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSecret")
            .field("kind", &self.kind)
            .field("deleted", &self.deleted)
            .finish_non_exhaustive()
    }
}

/// The consistency of a look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// From the cache only, for look-ups that anyone may cause.
    Cached,
    /// Up to date with other servers' writes, for tokens whose signature is verified.
    Consistent,
}

/// Looks up secrets.
#[async_trait]
pub trait Secrets: Send + Sync + 'static {
    /// The secret; `None` if it does not exist or cannot be read.
    async fn secret(&self, namespace: &str, name: &str, lookup: Lookup) -> Option<StoredSecret>;
}
