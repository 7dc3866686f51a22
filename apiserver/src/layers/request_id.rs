//! The id of a request, by which its lines in the log and its client speak of it.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/filters/audit_init.go`. Unlike there, a client cannot choose
//! the id, which is logged.

use axum::extract::Request;
use http::Response;
use http::header::{HeaderName, HeaderValue};
use uuid::Uuid;

use super::filter::Filter;

const AUDIT_ID: HeaderName = HeaderName::from_static("audit-id");

/// The id, as an extension of the request.
#[derive(Clone, Copy, Debug)]
pub struct AuditId(pub Uuid);

/// Gives each request an id, and marks its response with it.
#[derive(Clone)]
pub struct RequestId;

impl<B> Filter<B> for RequestId {
    type Kept = Uuid;

    fn request(&self, request: &mut Request) -> Result<Uuid, Response<B>> {
        let id = Uuid::new_v4();
        request.extensions_mut().insert(AuditId(id));
        Ok(id)
    }

    fn response(&self, id: Uuid, mut response: Response<B>) -> Response<B> {
        let mut text = Uuid::encode_buffer();
        let text = id.as_hyphenated().encode_lower(&mut text);
        if let Ok(mut value) = HeaderValue::from_str(text) {
            // Different every time: HTTP/2 is not to remember it, and forget other headers for that.
            value.set_sensitive(true);
            response.headers_mut().insert(AUDIT_ID, value);
        }
        response
    }
}
