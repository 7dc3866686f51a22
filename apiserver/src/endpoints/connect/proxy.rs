//! Requests that are forwarded to a pod, a node or a service.
//!
//! Upstream: `UpgradeAwareHandler` in `k8s.io/apimachinery/pkg/util/proxy`.

pub mod location;
pub mod path;
pub mod redirect;

use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderMap, HeaderName, HeaderValue, LOCATION};
use http::{Method, Request, StatusCode, Uri};
use portcullis_api::Status;

use self::location::Location;
use self::path::Paths;
use super::super::body::{self, Incoming};
use super::super::call::Call;
use super::{Kind, PATIENCE, admit, as_it_comes};
use crate::outbound::{backends, headers, upgrade};
use crate::request::Peer;
use crate::response::{self, Response};

/// How long switching to another protocol may take.
const SWITCH_TIMEOUT: Duration = Duration::from_secs(60);
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");
/// Headers of forwarded responses that would grant access to pages of this server.
const ACCESS_CONTROL: [&str; 4] = [
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
];

/// Forwards a request, and its response back.
///
/// # Errors
/// 400 for an invalid name or a forbidden address, 404, 503 if the other server does not respond.
pub async fn connect(call: &Call<'_>, body: &mut Incoming) -> Result<Response, Status> {
    admit(call, Kind::Proxy).await?;
    let location = Location::of(call).await?;
    let paths = Paths::of(call);
    let protocol = upgrade::asked(call.parts);
    let reads = matches!(call.parts.method, Method::GET | Method::HEAD);
    if protocol.is_none() && reads && paths.target.is_empty() {
        return redirect_to_root(call);
    }
    let mut request = request(call, &location, &paths)?;
    if let Some(protocol) = protocol {
        call.in_flight.become_stream()?;
        upgrade::ask(request.headers_mut(), protocol);
        let switched = upgrade::switch(&location.client, request, SWITCH_TIMEOUT);
        return switched.await.map_err(Status::unknown);
    }
    *request.body_mut() = body::read(body).await?;
    call.in_flight.become_stream()?;
    let source = request.uri().clone();
    let answer = backends::forward(&location.client, request, PATIENCE).await;
    let mut answer = answer
        .map_err(|why| Status::unavailable(format!("error trying to reach service: {why}")))?;
    let headers = answer.headers_mut();
    for name in ACCESS_CONTROL {
        headers.remove(name);
    }
    if let Some(target) = headers
        .get(LOCATION)
        .and_then(|target| target.to_str().ok())
    {
        let target = redirect::rewritten(target, &source, host(call), &paths.prefix);
        if let Ok(target) = HeaderValue::from_str(&target) {
            headers.insert(LOCATION, target);
        }
    }
    Ok(as_it_comes(call, answer))
}

/// The request as the other server gets it, without its body.
fn request(call: &Call<'_>, location: &Location, paths: &Paths) -> Result<Request<Bytes>, Status> {
    let query = call.parts.uri.query().map(|query| format!("?{query}"));
    let query = query.unwrap_or_default();
    let url = format!("{}{}{query}", location.origin, paths.target);
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = call.parts.method.clone();
    *request.uri_mut() = url
        .parse::<Uri>()
        .map_err(|_| Status::bad_request(format!("{url:?} is not a URL")))?;
    let mut sent = call.parts.headers.clone();
    headers::prepare_forwarded(&mut sent);
    if let Ok(host) = HeaderValue::from_str(host(call)) {
        sent.insert(HOST, host);
    }
    if let Ok(uri) = HeaderValue::from_str(&format!("{}{}", paths.prefix, paths.target)) {
        sent.insert(FORWARDED_URI, uri);
    }
    forwarded_for(call, &mut sent);
    *request.headers_mut() = sent;
    Ok(request)
}

/// Adds the client's address after those of earlier proxies.
fn forwarded_for(call: &Call<'_>, headers: &mut HeaderMap) {
    let peer = call.parts.extensions.get::<Peer>();
    let Some(address) = peer.map(|peer| peer.address) else {
        return;
    };
    let before = headers.get_all(FORWARDED_FOR).iter();
    let before = before.filter_map(|value| value.to_str().ok());
    let mut all: Vec<_> = before.map(str::to_owned).collect();
    all.push(address.to_string());
    if let Ok(all) = HeaderValue::from_str(&all.join(", ")) {
        headers.insert(FORWARDED_FOR, all);
    }
}

/// The host in the client's request.
fn host<'a>(call: &Call<'a>) -> &'a str {
    let named = call.parts.headers.get(HOST);
    let named = named.and_then(|host| host.to_str().ok());
    let authority = || call.parts.uri.authority().map(http::uri::Authority::as_str);
    named.or_else(authority).unwrap_or_default()
}

/// A page's relative links need a path that ends with a slash.
fn redirect_to_root(call: &Call<'_>) -> Result<Response, Status> {
    let (path, query) = (call.parts.uri.path(), call.parts.uri.query());
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    let target = HeaderValue::from_str(&format!("{path}/{query}"));
    let mut response = response::text(StatusCode::MOVED_PERMANENTLY, "");
    let target = target.map_err(|_| Status::bad_request("the path is invalid"))?;
    response.headers_mut().insert(LOCATION, target);
    Ok(response)
}
