//! Requests that another server answers, after authentication and authorization.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use form_urlencoded::Serializer;
use http::request::Parts;
use http::{Request, StatusCode};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use percent_encoding::percent_decode_str;
use portcullis_api::{Status, UserInfo};
use portcullis_kinds::kinds::api_service::{is_available, is_local};
use portcullis_openapi::discovery::registration::{Registration, RemoteVersion};
use portcullis_registry::api_services::{ApiServices, Known};

use super::body::{self, Incoming};
use crate::access::Authorized;
use crate::limits::in_flight::InFlight;
use crate::outbound::aggregated::{AggregatedServers, Discovered};
use crate::outbound::upgrade;
use crate::request::RequestInfo;
use crate::response::{self, Response};

/// The API services, and the clients of their servers.
pub struct Aggregation {
    /// Which versions other servers serve.
    pub known: Arc<ApiServices>,
    /// The clients of those servers.
    pub servers: Arc<AggregatedServers>,
}

impl Aggregation {
    /// The API service of a request, if another server serves it.
    pub fn of(&self, info: &RequestInfo) -> Option<Arc<APIService>> {
        let known = self.known.current();
        match info {
            RequestInfo::Resource(info) => known.remote(&info.group, &info.version).cloned(),
            RequestInfo::Path { path, .. } => {
                let mut segments = path.split('/').filter(|s| !s.is_empty());
                match segments.next()? {
                    "api" => known.remote("", "v1").cloned(),
                    "apis" => known.remote(segments.next()?, segments.next()?).cloned(),
                    _ => None,
                }
            }
        }
    }

    /// Forwards a request to another server.
    pub async fn forward(
        &self,
        service: &APIService,
        authorized: &Authorized,
        parts: &Parts,
        in_flight: &InFlight,
        body: &mut Incoming,
    ) -> Response {
        if !is_available(service) {
            return unavailable("service unavailable");
        }
        let Some(target) = target(parts) else {
            let why = "a proxied path must not have encoded slashes or segments of dots";
            return response::status(&Status::bad_request(why));
        };
        let Ok(target) = target.parse() else {
            return response::status(&Status::bad_request("the path is invalid"));
        };
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = parts.method.clone();
        *request.uri_mut() = target;
        *request.headers_mut() = parts.headers.clone();
        let user = authorized.user();
        let answer = match upgrade::asked(parts) {
            Some(protocol) => match in_flight.become_stream() {
                Ok(()) => self.servers.switch(service, request, protocol, user).await,
                Err(status) => return response::status(&status),
            },
            None => match body::read(body).await {
                Ok(body) => {
                    *request.body_mut() = body;
                    self.exchange(service, request, user).await
                }
                Err(status) => return response::status(&status),
            },
        };
        answer.unwrap_or_else(|why| unavailable(&why))
    }

    async fn exchange(
        &self,
        service: &APIService,
        request: Request<Bytes>,
        user: &UserInfo,
    ) -> Result<Response, String> {
        let answer = self.servers.forward(service, request, user).await?;
        let (parts, body) = answer.into_parts();
        let mut response = Response::new(Body::new(body));
        *response.status_mut() = parts.status;
        *response.headers_mut() = parts.headers;
        Ok(response)
    }
}

/// The versions of API services, for discovery.
pub fn registrations(known: &Known, discovered: &Discovered) -> Vec<Registration> {
    let registration = |service: &Arc<APIService>| {
        let spec = service.spec.as_ref()?;
        let name = service.metadata.name.as_deref().unwrap_or_default();
        let remote = || {
            let resources = discovered.get(name).cloned();
            RemoteVersion {
                is_current: is_available(service) && resources.is_some(),
                resources: resources.unwrap_or_default(),
            }
        };
        Some(Registration {
            group: spec.group.clone().unwrap_or_default(),
            version: spec.version.clone().unwrap_or_default(),
            priorities: (spec.group_priority_minimum, spec.version_priority),
            remote: (!is_local(service)).then(remote),
        })
    };
    known.all().filter_map(registration).collect()
}

/// Path and query for the other server, in Go's encoding, with sorted parameters. `None` for a path that the
/// other server might read differently than was authorized.
fn target(parts: &Parts) -> Option<String> {
    let path = parts.uri.path();
    let segments: Vec<_> = path.split('/').filter(|s| !s.is_empty()).collect();
    let same = |segment: &&str| {
        let decoded: Vec<u8> = percent_decode_str(segment).collect();
        !decoded.contains(&b'/') && decoded != b"." && decoded != b".."
    };
    if !segments.iter().all(same) {
        return None;
    }
    let end = if path.ends_with('/') { "/" } else { "" };
    let path = format!("/{}{end}", segments.join("/"));
    let query = parts.uri.query().unwrap_or_default();
    let mut pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    if pairs.is_empty() {
        return Some(path);
    }
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    let query = Serializer::new(String::new()).extend_pairs(pairs).finish();
    Some(format!("{path}?{query}"))
}

/// Upstream: `proxyError`.
fn unavailable(why: &str) -> Response {
    response::text(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forwarded_is_what_was_authorized() {
        let target = |uri: &str| {
            let request = Request::builder().uri(uri).body(()).unwrap();
            target(&request.into_parts().0)
        };
        for (uri, expected) in [
            ("/apis/g/v1/a", Some("/apis/g/v1/a")),
            ("//apis/g//v1/a/", Some("/apis/g/v1/a/")),
            (
                "/apis/g/v1/a?limit=1&labelSelector=a%3Db",
                Some("/apis/g/v1/a?labelSelector=a%3Db&limit=1"),
            ),
            ("/apis/g/v1/a/b%2Fstatus", None),
            ("/apis/g/v1/a/%2e%2e/b", None),
        ] {
            assert_eq!(target(uri).as_deref(), expected, "{uri}");
        }
    }
}
