//! Exec, attach and portforward: the kubelet gets a request for the client's protocol, and both connections
//! are joined.

use bytes::Bytes;
use http::header::HeaderMap;
use http::{Request, Uri};
use portcullis_api::{Status, Verb};

use super::super::call::Call;
use super::super::create::may_create;
use super::container::container;
use super::{Kind, admit, options, pod};
use crate::outbound::kubelet::Kubelet;
use crate::outbound::{headers, upgrade};
use crate::response::Response;

/// The header in which a WebSocket lists its protocols, the preferred one first.
const PROTOCOLS: &str = "sec-websocket-protocol";
/// Protocols that kubelets leave to the API server, unless their nodes declare otherwise.
const NEWER: [&str; 2] = ["v5.channel.k8s.io", "SPDY/3.1+portforward.k8s.io"];

/// Connects a client to a container, or to the ports of a pod.
///
/// # Errors
/// As [`super::connect`].
pub async fn connect(call: &Call<'_>, kind: Kind) -> Result<Response, Status> {
    if call.info.verb != Some(Verb::Create) {
        // A websocket starts with a GET, and gives the same access to a pod as a POST (upstream since 1.35:
        // `ensureAuthorizedForVerb` in `pkg/registry/core/pod/rest/authorize.go`).
        may_create(call.api.authorizer.as_ref(), &call.scope)?;
    }
    if kind == Kind::PortForward {
        options::check_ports(call.query)?;
    }
    admit(call, kind).await?;
    let name = call.scope.name;
    let spec = pod(call, name).await?.spec.unwrap_or_default();
    let namespace = call.scope.namespace;
    let path = match kind {
        Kind::PortForward => format!("/portForward/{namespace}/{name}"),
        _ => {
            let container = container(name, &spec, call.query.get("container"))?;
            let action = call.scope.subresource;
            format!("/{action}/{namespace}/{name}/{container}")
        }
    };
    let Some(node) = spec.node_name.as_deref().filter(|node| !node.is_empty()) else {
        let why = format!("pod {name} does not have a host assigned");
        return Err(Status::bad_request(why));
    };
    let kubelets = &call.api.backends.kubelets;
    let kubelet = kubelets.of_node(&call.api.registry, node).await?;
    let query = options::for_stream(call.query, kind);
    let url = kubelet.url(&format!("{path}{query}"));
    let request = request(call, node, &kubelet, &url)?;
    call.in_flight.become_stream()?;
    kubelets.switch(request).await
}

/// The client's request in the form for the kubelet.
fn request(
    call: &Call<'_>,
    node: &str,
    kubelet: &Kubelet,
    url: &str,
) -> Result<Request<Bytes>, Status> {
    let protocol = upgrade::asked(call.parts)
        .ok_or_else(|| Status::bad_request("Upgrade request required"))?;
    if !kubelet.extends_websockets && offers_only_newer(&call.parts.headers) {
        // clients that get no 101 retry with a protocol that every kubelet supports
        return Err(Status::bad_request(format!(
            "node {node:?} speaks neither {} nor {}: use SPDY/3.1 or v4.channel.k8s.io",
            NEWER[0], NEWER[1]
        )));
    }
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = call.parts.method.clone();
    *request.uri_mut() = url
        .parse::<Uri>()
        .map_err(|error| Status::unknown(format!("{url:?}: {error}")))?;
    *request.headers_mut() = call.parts.headers.clone();
    headers::prepare_forwarded(request.headers_mut());
    upgrade::ask(request.headers_mut(), protocol);
    Ok(request)
}

/// Whether a WebSocket offers only protocols that some kubelets do not support.
fn offers_only_newer(headers: &HeaderMap) -> bool {
    let offered = headers.get_all(PROTOCOLS).iter();
    let offered = offered.filter_map(|value| value.to_str().ok());
    let mut offered = offered
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|protocol| !protocol.is_empty())
        .peekable();
    offered.peek().is_some() && offered.all(|protocol| NEWER.contains(&protocol))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_newer_protocols_are_recognized() {
        for (offered, only) in [
            (&["v5.channel.k8s.io"][..], true),
            (&["SPDY/3.1+portforward.k8s.io"], true),
            (&["v5.channel.k8s.io, v4.channel.k8s.io"], false),
            (&["v5.channel.k8s.io", "v4.channel.k8s.io"], false),
            (&["v4.base64.channel.k8s.io"], false),
            (&[""], false),
            (&[], false),
        ] {
            let mut headers = HeaderMap::new();
            for protocols in offered {
                headers.append(PROTOCOLS, HeaderValue::from_static(protocols));
            }
            assert_eq!(offers_only_newer(&headers), only, "{offered:?}");
        }
    }
}
