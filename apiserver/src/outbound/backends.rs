//! What requests for pods, nodes and services are passed on to.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};

use super::headers;
use super::https::{HttpsError, StreamClient, trusting_anyone};
use super::kubelet::Kubelets;
use super::services::ServiceResolver;
use super::upgrade;
use super::webhook_client::go_error;

/// How long a connection to a pod or a service may take to be there (Go: `http.DefaultTransport`).
const TIMEOUT: Duration = Duration::from_secs(30);

/// The ways out of this server.
pub struct Backends {
    /// To the kubelets of nodes.
    pub kubelets: Kubelets,
    /// To pods and services, which are not verified, and are shown nothing.
    pub others: StreamClient,
    /// Where services are.
    pub services: Arc<ServiceResolver>,
}

/// What asks pods and services.
///
/// # Errors
/// [`HttpsError::Certificates`], which no crypto provider of this program gives cause for.
pub fn of_others() -> Result<StreamClient, HttpsError> {
    Ok(StreamClient::new(trusting_anyone(None)?, None, TIMEOUT))
}

/// Passes a request on, and the response back.
///
/// # Errors
/// Why there is no response, in Go's words.
pub async fn forward(
    client: &StreamClient,
    request: Request<Bytes>,
    timeout: Duration,
) -> Result<Response<Body>, String> {
    let url = request.uri().to_string();
    let answer = client.open(request, timeout).await;
    let answer = answer.map_err(|error| go_error::text(&error, &url))?;
    let mut answer = upgrade::stays(answer)?;
    headers::without_hops(answer.headers_mut());
    Ok(answer)
}
