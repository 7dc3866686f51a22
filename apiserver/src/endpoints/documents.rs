//! The documents about the API: discovery and `OpenAPI`; and the `OpenID` documents about its issuer.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use bytes::Bytes;
use futures_util::stream;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, ETAG, HeaderMap, HeaderValue,
    IF_NONE_MATCH, LOCATION, VARY,
};
use http::request::Parts;
use http::{Method, StatusCode};
use portcullis_api::Status;
use portcullis_api::status::Reason;
use serde_json::json;

use super::aggregated::{Aggregation, registrations};
use super::method::method_not_allowed;
use super::openid::OpenId;
use crate::access::Authorized;
use crate::outbound::aggregated::Discovered;
use crate::program::version;
use crate::request::RequestInfo;
use crate::response::{self, JSON, Response};
use parking_lot::RwLock;
use portcullis_kinds::catalogue::Catalogue;
use portcullis_kinds::release::Release;
use portcullis_openapi::discovery::Discovery;
use portcullis_openapi::document::{Accepted, Content, Document};
use portcullis_openapi::openapi::{Answer, OpenApi, RemoteSpecs};
use portcullis_registry::api_services::Known;
use portcullis_registry::catalogues::CurrentCatalogue;

/// Paths that `/` lists besides those of discovery.
const PATHS: [&str; 7] = [
    "/healthz",
    "/livez",
    "/metrics",
    "/openapi/v2",
    "/openapi/v3",
    "/readyz",
    "/version",
];

/// All documents. Those about kinds are made again when the catalogue has changed.
pub struct Documents {
    catalogues: Arc<CurrentCatalogue>,
    aggregation: Arc<Aggregation>,
    address: String,
    openid: OpenId,
    made: RwLock<Arc<Made>>,
}

/// The sources of documents.
#[derive(Clone)]
struct Sources {
    catalogue: Arc<Catalogue>,
    services: Arc<Known>,
    discovered: Arc<Discovered>,
    specs: Arc<RemoteSpecs>,
}

impl Sources {
    fn are(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.catalogue, &other.catalogue)
            && Arc::ptr_eq(&self.services, &other.services)
            && Arc::ptr_eq(&self.discovered, &other.discovered)
            && Arc::ptr_eq(&self.specs, &other.specs)
    }
}

/// The documents made from these sources.
struct Made {
    sources: Sources,
    discovery: Discovery,
    openapi: Arc<OpenApi>,
}

impl Made {
    fn of(sources: Sources, address: &str, openapi: Arc<OpenApi>) -> Arc<Self> {
        let registered = registrations(&sources.services, &sources.discovered);
        Arc::new(Self {
            discovery: Discovery::new(sources.catalogue.rows(), &registered, address),
            openapi,
            sources,
        })
    }
}

impl Documents {
    /// The documents of everything that is served, by this or another server; `address` is where clients
    /// reach this server.
    pub fn new(
        catalogues: Arc<CurrentCatalogue>,
        aggregation: Arc<Aggregation>,
        address: &str,
        openid: OpenId,
    ) -> Self {
        let sources = sources(&catalogues, &aggregation);
        let release = sources.catalogue.offer().release;
        let openapi = OpenApi::new(sources.catalogue.rows(), version(release));
        Self {
            made: RwLock::new(Made::of(sources, address, Arc::new(openapi))),
            catalogues,
            aggregation,
            address: address.to_owned(),
            openid,
        }
    }

    /// The release that is served.
    pub fn release(&self) -> Release {
        self.catalogues.current().offer().release
    }

    /// The documents of what is in force.
    fn made(&self) -> Arc<Made> {
        let current = sources(&self.catalogues, &self.aggregation);
        let made = self.made.read().clone();
        if made.sources.are(&current) {
            return made;
        }
        let (catalogue, specs) = (&current.catalogue, &current.specs);
        let is_same = Arc::ptr_eq(&made.sources.catalogue, catalogue)
            && Arc::ptr_eq(&made.sources.specs, specs);
        let openapi = match is_same {
            true => made.openapi.clone(),
            false => Arc::new(made.openapi.with(catalogue.rows(), specs.clone())),
        };
        let made = Made::of(current, &self.address, openapi);
        *self.made.write() = made.clone();
        made
    }

    /// The response to a request for a path that is not a resource.
    pub fn serve(&self, path: &str, parts: &Parts) -> Response {
        if !matches!(parts.method, Method::GET | Method::HEAD) && !self.has_any_method(path) {
            return response::status(&method_not_allowed());
        }
        let accept = parts.headers.get(ACCEPT);
        let accept = accept.and_then(|v| v.to_str().ok()).unwrap_or_default();
        let path = path.trim_end_matches('/');
        match self.find(path, accept, parts.uri.query().unwrap_or_default()) {
            Some(Answer::Document(document)) => send(document, parts),
            Some(Answer::Moved(to)) => moved(&to),
            Some(Answer::NotAcceptable) => response::status(&not_acceptable()),
            None => self.not_found(path),
        }
    }

    /// Whether upstream looks at the path only, not at the method: it has routes for versions of built-in groups
    /// and for the documents of tokens.
    fn has_any_method(&self, path: &str) -> bool {
        let segments: Vec<_> = path.split('/').filter(|s| !s.is_empty()).collect();
        match segments.as_slice() {
            ["api" | ".well-known" | "openid", ..] => false,
            ["apis", group, _, ..] => !self.catalogues.current().is_built_in_group(group),
            _ => true,
        }
    }

    fn find(&self, path: &str, accept: &str, query: &str) -> Option<Answer> {
        let made = self.made();
        let discovery = made.discovery.document(path, accept);
        let known = discovery.or_else(|| self.openid.document(path));
        known
            .map(Answer::Document)
            .or_else(|| made.openapi.document(path, accept, query))
    }

    /// The paths that `/` and a 404 list: indented, without a newline at the end.
    fn index(&self) -> String {
        let mut paths = self.made().discovery.paths();
        paths.extend(self.openid.paths().map(str::to_owned));
        paths.extend(PATHS.map(str::to_owned));
        paths.sort();
        format!("{:#}", json!({ "paths": paths }))
    }

    /// Below a served group the response is a Status, elsewhere below `/apis` plain text, and otherwise the
    /// list of paths.
    fn not_found(&self, path: &str) -> Response {
        let mut segments = path.split('/').filter(|s| !s.is_empty());
        match (segments.next(), segments.next()) {
            (Some("api"), _) => response::status(&Status::no_such_resource()),
            (Some("apis"), Some(group)) if self.catalogues.current().is_built_in_group(group) => {
                response::status(&Status::no_such_resource())
            }
            (Some("apis"), _) => response::text(StatusCode::NOT_FOUND, "404 page not found\n"),
            _ => response::bytes(StatusCode::NOT_FOUND, JSON, self.index()),
        }
    }
}

fn sources(catalogues: &CurrentCatalogue, aggregation: &Aggregation) -> Sources {
    Sources {
        catalogue: catalogues.current(),
        services: aggregation.known.current(),
        discovered: aggregation.servers.discovered(),
        specs: aggregation.servers.specs(),
    }
}

/// GET of `/`.
pub async fn index(State(documents): State<Arc<Documents>>) -> Response {
    response::bytes(StatusCode::OK, JSON, documents.index())
}

/// GET of a document with a route of its own.
pub async fn get(
    State(documents): State<Arc<Documents>>,
    authorized: Authorized,
    parts: Parts,
) -> Response {
    let path = match authorized.info() {
        RequestInfo::Path { path, .. } => path.clone(),
        RequestInfo::Resource(_) => return response::status(&Status::no_such_resource()),
    };
    if !path.starts_with("/openapi/") {
        return documents.serve(&path, &parts);
    }
    // with a thousand definitions, it may take seconds to make the document
    let made = tokio::task::spawn_blocking(move || documents.serve(&path, &parts));
    made.await
        .unwrap_or_else(|why| response::status(&Status::internal(why)))
}

fn send(document: Document, parts: &Parts) -> Response {
    let known = parts.headers.get(IF_NONE_MATCH);
    let known = known.and_then(|v| v.to_str().ok());
    let mut response = match known {
        Some(known) if document.is_known(known) => {
            response::bytes(StatusCode::NOT_MODIFIED, document.content_type, "")
        }
        _ => content(&document, &parts.headers),
    };
    let headers = response.headers_mut();
    if let Content::Gzip(_) = document.body {
        headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    let etag = document.etag.and_then(|e| HeaderValue::from_str(&e).ok());
    if let Some(etag) = etag {
        headers.insert(ETAG, etag);
        headers.append(VARY, HeaderValue::from_static("Accept"));
    }
    if !document.cache_control.is_empty() {
        let value = HeaderValue::from_static(document.cache_control);
        headers.insert(CACHE_CONTROL, value);
    }
    response
}

/// The body, compressed if the client accepts the stored encoding. Otherwise it is decompressed as it is sent:
/// that of a thousand definitions has 50 MB.
fn content(document: &Document, headers: &HeaderMap) -> Response {
    let respond = |body| response::bytes(StatusCode::OK, document.content_type, body);
    match &document.body {
        Content::Plain(bytes) => respond(bytes.clone()),
        Content::Gzip(compressed) if accepts_gzip(headers) => {
            let mut response = respond(compressed.clone());
            let gzip = HeaderValue::from_static("gzip");
            response.headers_mut().insert(CONTENT_ENCODING, gzip);
            response
        }
        packed @ Content::Gzip(_) => {
            let chunks = packed.clone().chunks().map(Ok::<_, Infallible>);
            respond(Bytes::new()).map(|_| Body::from_stream(stream::iter(chunks)))
        }
    }
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT_ENCODING).iter();
    let mut accepted = accepted.filter_map(|value| value.to_str().ok());
    accepted.any(|value| {
        Accepted::parse(value)
            .iter()
            .any(|a| a.media_type == "gzip")
    })
}

fn moved(to: &str) -> Response {
    let mut response = response::text(StatusCode::MOVED_PERMANENTLY, "");
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}

fn not_acceptable() -> Status {
    Status::failure(
        Reason::NotAcceptable,
        "the document is not available in any format that the request accepts",
    )
}
