//! The id of a request, which its log lines, its audit events and its response contain.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/filters/audit_init.go`.

use axum::extract::Request;
use http::Response;
use http::header::HeaderName;

use super::filter::Filter;
use crate::request::AuditId;

const AUDIT_ID: HeaderName = HeaderName::from_static("audit-id");

/// Gives each request an id, unless it has one, and adds it to the response.
#[derive(Clone)]
pub struct RequestId;

impl<B> Filter<B> for RequestId {
    type Kept = AuditId;

    fn request(&self, request: &mut Request) -> Result<AuditId, Response<B>> {
        let id = AuditId::new(request.headers().get(AUDIT_ID));
        request.extensions_mut().insert(id.clone());
        Ok(id)
    }

    fn response(&self, id: AuditId, mut response: Response<B>) -> Response<B> {
        if let Some(value) = id.header() {
            response.headers_mut().insert(AUDIT_ID, value);
        }
        response
    }
}
