//! The clients that forward requests to pods, nodes and services.

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

/// How long connecting to a pod or a service may take (Go: `http.DefaultTransport`).
const TIMEOUT: Duration = Duration::from_secs(30);

/// The clients.
pub struct Backends {
    /// To the kubelets of nodes.
    pub kubelets: Kubelets,
    /// For pods and services, whose certificates are not verified, and which get no credentials.
    pub others: StreamClient,
    /// Finds services.
    pub services: Arc<ServiceResolver>,
}

/// The client for pods and services.
///
/// # Errors
/// [`HttpsError::Certificates`], which this program's crypto provider never causes.
pub fn of_others() -> Result<StreamClient, HttpsError> {
    Ok(StreamClient::new(trusting_anyone(None)?, None, TIMEOUT))
}

/// Forwards a request, and the response back.
///
/// # Errors
/// Why there is no response, with Go's text.
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
