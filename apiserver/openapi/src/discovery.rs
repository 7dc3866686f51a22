//! Discovery, which lists the served resources: legacy documents (`/api`, `/apis` and one per group and group
//! version) and the aggregated ones that replaced them.
//!
//! All of them are made from the kind table and the API services, and served as shared bytes.

mod aggregated;
mod groups;
mod legacy;
mod registered;
pub mod registration;

use std::collections::HashMap;

use bytes::Bytes;
use serde::Serialize;

use super::document::{Accepted, Document, JSON};
use portcullis_kinds::shared::ResourceRef;

use self::registered::arranged;
use self::registration::Registration;

pub use groups::{Group, Version, groups, short_names};

/// All discovery documents.
pub struct Discovery {
    legacy: HashMap<String, Document>,
    aggregated: HashMap<(&'static str, aggregated::Edition), Document>,
}

impl Discovery {
    /// The documents of these resources, and of those of other servers; `server_address` is where clients
    /// reach this server, such as `127.0.0.1:6443`.
    pub fn new(
        resources: &[ResourceRef],
        registered: &[Registration],
        server_address: &str,
    ) -> Self {
        let groups = arranged(groups(resources), registered);
        let legacy = legacy::documents(&groups, server_address)
            .into_iter()
            .map(|(path, body)| (path, Document::plain(JSON, body)))
            .collect();
        Self {
            legacy,
            aggregated: aggregated::documents(&groups),
        }
    }

    /// The document at a path, such as `/apis/apps/v1`, in the form that the `Accept` header prefers; `None`
    /// for other paths.
    pub fn document(&self, path: &str, accept: &str) -> Option<Document> {
        let path = path.trim_end_matches('/');
        Accepted::parse(accept)
            .iter()
            .find_map(|accepted| self.preferred(path, accepted))
            .or_else(|| self.legacy.get(path))
            .cloned()
    }

    /// The paths of documents, in order.
    pub fn paths(&self) -> Vec<String> {
        let mut paths: Vec<_> = self.legacy.keys().cloned().collect();
        paths.sort_unstable();
        paths
    }

    fn preferred(&self, path: &str, accepted: &Accepted<'_>) -> Option<&Document> {
        if let Some(edition) = aggregated::Edition::asked_for(accepted) {
            let root = aggregated::ROOTS.iter().find(|root| **root == path)?;
            return self.aggregated.get(&(*root, edition));
        }
        let plain = accepted.matches(JSON) && accepted.parameter("as").is_empty();
        self.legacy.get(path).filter(|_| plain)
    }
}

/// JSON with a newline at the end, as upstream.
fn json<T: Serialize>(document: &T) -> Bytes {
    // These documents are structs of strings and lists, which always serialize.
    let mut bytes = serde_json::to_vec(document).unwrap_or_default();
    bytes.push(b'\n');
    Bytes::from(bytes)
}

#[cfg(test)]
mod tests;
