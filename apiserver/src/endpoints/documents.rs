//! The documents about the API: discovery, and `OpenAPI`; and about who may call it: `OpenID`.

use super::discovery::Discovery;
use super::openapi::{Answer, OpenApi};
use super::openid::OpenId;
use super::paths::version;
use crate::registry::table;

/// All of them.
pub struct Documents {
    discovery: Discovery,
    openapi: OpenApi,
    openid: OpenId,
}

impl Documents {
    /// The documents of everything that is served; `address` is where clients reach the server.
    pub fn new(address: &str, openid: OpenId) -> Self {
        Self {
            discovery: Discovery::new(table::RESOURCES, address),
            openapi: OpenApi::new(table::RESOURCES, version()),
            openid,
        }
    }

    /// What to answer to a GET of a path; `None` if there is no document.
    pub fn find(&self, path: &str, accept: &str, query: &str) -> Option<Answer> {
        let discovery = self.discovery.document(path, accept);
        let known = discovery.or_else(|| self.openid.document(path));
        known
            .map(Answer::Document)
            .or_else(|| self.openapi.document(path, accept, query))
    }

    /// Where the documents of discovery are, of both kinds.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = self.discovery.paths();
        paths.extend(self.openid.paths().map(str::to_owned));
        paths
    }
}
