//! The documents about the API: discovery, and OpenAPI.

use super::discovery::Discovery;
use super::document::Document;
use crate::registry::table;

/// All of them.
pub struct Documents {
    discovery: Discovery,
}

impl Documents {
    /// The documents of everything that is served; `address` is where clients reach the server.
    pub fn new(address: &str) -> Self {
        Self {
            discovery: Discovery::new(table::RESOURCES, address),
        }
    }

    /// The document at a path, if there is one.
    pub fn find(&self, path: &str, accept: &str, _query: &str) -> Option<Document> {
        self.discovery.document(path, accept)
    }

    /// Where discovery documents are.
    pub fn paths(&self) -> Vec<String> {
        self.discovery.paths()
    }
}
