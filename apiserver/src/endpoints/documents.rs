//! The documents about the API: discovery, and OpenAPI.

use super::discovery::Discovery;
use super::openapi::{Answer, OpenApi};
use super::paths::version;
use crate::registry::table;

/// All of them.
pub struct Documents {
    discovery: Discovery,
    openapi: OpenApi,
}

impl Documents {
    /// The documents of everything that is served; `address` is where clients reach the server.
    pub fn new(address: &str) -> Self {
        Self {
            discovery: Discovery::new(table::RESOURCES, address),
            openapi: OpenApi::new(table::RESOURCES, version()),
        }
    }

    /// What to answer to a GET of a path; `None` if there is no document.
    pub fn find(&self, path: &str, accept: &str, query: &str) -> Option<Answer> {
        let discovery = self.discovery.document(path, accept).map(Answer::Document);
        discovery.or_else(|| self.openapi.document(path, accept, query))
    }

    /// Where discovery documents are.
    pub fn paths(&self) -> Vec<String> {
        self.discovery.paths()
    }
}
