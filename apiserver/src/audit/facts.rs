//! The facts about a request that are known from the start.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::Request;
use http::header::USER_AGENT;
use portcullis_api::{UserInfo, Verb};

use super::sources::sources;
use crate::request::{AuditId, Described, Peer, RequestInfo};

/// The longest user agent that is recorded, in bytes (upstream: `maxUserAgentLength`).
const USER_AGENT_MAX: usize = 1024;

/// A request before it is served.
#[derive(Debug)]
pub struct Facts {
    /// Its id, and its time of arrival.
    pub id: AuditId,
    /// The id as text.
    pub id_text: String,
    /// Path and query.
    pub uri: String,
    /// Its meaning.
    pub described: Arc<Described>,
    /// Its user; `None` if it is unauthenticated.
    pub user: Option<UserInfo>,
    /// The addresses it comes from.
    pub sources: Vec<IpAddr>,
    /// The client's user agent.
    pub user_agent: String,
}

impl Facts {
    /// Reads a request.
    pub fn of(request: &Request, described: Arc<Described>) -> Self {
        let extensions = request.extensions();
        let id = extensions.get::<AuditId>().cloned();
        let id = id.unwrap_or_else(|| AuditId::new(None));
        let uri = request.uri();
        let uri = uri.path_and_query().map_or("/", |uri| uri.as_str());
        let connected = extensions.get::<Peer>().map(|peer| peer.address);
        let agent = request.headers().get(USER_AGENT);
        let agent = agent.map(|agent| String::from_utf8_lossy(agent.as_bytes()));
        Self {
            id_text: id.to_text(),
            id,
            uri: uri.to_owned(),
            described,
            user: extensions.get::<UserInfo>().cloned(),
            sources: sources(request.headers(), connected),
            user_agent: shortened(&agent.unwrap_or_default()),
        }
    }

    /// The verb.
    pub fn verb(&self) -> &str {
        match &self.described.info {
            RequestInfo::Path { verb, .. } => verb,
            RequestInfo::Resource(request) => request.verb.map_or("", Verb::as_str),
        }
    }
}

fn shortened(agent: &str) -> String {
    if agent.len() <= USER_AGENT_MAX {
        return agent.to_owned();
    }
    let end = agent.floor_char_boundary(USER_AGENT_MAX);
    let kept = agent.get(..end).unwrap_or_default();
    format!("{kept}...TRUNCATED")
}
