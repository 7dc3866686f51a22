//! One line a request, when it has been answered, and an id that client and log share.

use std::time::Instant;

use http::header::{HeaderName, HeaderValue};
use http::request::Parts;
use uuid::Uuid;

use crate::request_info::RequestInfo;
use crate::response::Response;

const AUDIT_ID: HeaderName = HeaderName::from_static("audit-id");

/// A request under way.
pub struct Span {
    id: Uuid,
    method: String,
    path: String,
    verb: String,
    started: Instant,
}

impl Span {
    /// Starts counting. Queries are left out of logs: they may hold what is nobody's business.
    pub fn begin(parts: &Parts, info: &RequestInfo) -> Self {
        let verb = match info {
            RequestInfo::Resource(r) => r.verb.map_or_else(String::new, |v| v.to_string()),
            RequestInfo::Path { verb, .. } => verb.clone(),
        };
        Self {
            id: Uuid::new_v4(),
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            verb,
            started: Instant::now(),
        }
    }

    /// Logs the answer and marks it with the id.
    pub fn end(self, mut response: Response) -> Response {
        tracing::debug!(
            http.method = self.method,
            http.path = self.path,
            http.status = response.status().as_u16(),
            k8s.verb = self.verb,
            audit.id = %self.id,
            micros = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
            "request"
        );
        if let Ok(mut id) = HeaderValue::from_str(&self.id.to_string()) {
            // Comes once: HTTP/2 need not remember it, and forget other headers for that.
            id.set_sensitive(true);
            response.headers_mut().insert(AUDIT_ID, id);
        }
        response
    }
}
