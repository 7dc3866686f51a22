//! Who makes a request? Nothing inside sees the `Authorization` header, the token of a websocket, or what a
//! front proxy says.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/filters/authentication.go`.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::extract::Request;
use futures_util::future::BoxFuture;
use http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use portcullis_api::Status;
use portcullis_authn::{Authenticator, RequestHeaders, remove_websocket_tokens};
use tower::{Layer, Service};

use super::trace;
use crate::access::authentication;
use crate::audit::latency::IdentifiedIn;
use crate::audit::{Audited, Auditor};
use crate::request::Peer;
use crate::response::{self, Response};

/// Identifies users; unauthenticated requests are answered with a 401.
#[derive(Clone)]
pub struct AuthenticateLayer {
    authenticator: Arc<dyn Authenticator>,
    accepts_passwords: bool,
    front_proxy_headers: Arc<RequestHeaders>,
    auditor: Option<Arc<Auditor>>,
}

/// A service for identified users. The request's extension [`portcullis_api::UserInfo`] is the user.
#[derive(Clone)]
pub struct Authenticate<S> {
    layer: AuthenticateLayer,
    inner: S,
}

impl AuthenticateLayer {
    /// `accepts_passwords`: whether a 401 asks for a password. `front_proxy_headers`: the headers of front proxies.
    /// `auditor`: records 401s.
    pub fn new(
        authenticator: Arc<dyn Authenticator>,
        accepts_passwords: bool,
        front_proxy_headers: Arc<RequestHeaders>,
        auditor: Option<Arc<Auditor>>,
    ) -> Self {
        Self {
            authenticator,
            accepts_passwords,
            front_proxy_headers,
            auditor,
        }
    }

    /// Adds the user to the request.
    async fn identify(&self, request: &mut Request) -> Result<(), Status> {
        let peer = request.extensions().get::<Peer>();
        let certificates = peer.map(|peer| peer.certificates.clone());
        let user = authentication::authenticate(
            self.authenticator.as_ref(),
            request.uri().path(),
            request.headers(),
            certificates.as_deref().unwrap_or_default(),
        )
        .await?;
        trace::identified(&user);
        request.headers_mut().remove(AUTHORIZATION);
        remove_websocket_tokens(request.headers_mut());
        self.front_proxy_headers.remove(request.headers_mut());
        request.extensions_mut().insert(user);
        Ok(())
    }

    fn reject(&self, status: &Status) -> Response {
        let mut response = response::status(status);
        if self.accepts_passwords {
            // Browsers ask for one (upstream: `filters.Unauthorized` of 1.18, the last with passwords).
            let challenge = HeaderValue::from_static("Basic realm=\"kubernetes-master\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl<S> Layer<S> for AuthenticateLayer {
    type Service = Authenticate<S>;

    fn layer(&self, inner: S) -> Self::Service {
        let layer = self.clone();
        Authenticate { layer, inner }
    }
}

impl<S> Service<Request> for Authenticate<S>
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let layer = self.layer.clone();
        // The ready service is used, and replaced by a clone.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        Box::pin(async move {
            let begun = layer.auditor.as_ref().map(|_| Instant::now());
            let identified = layer.identify(&mut request).await;
            if let Some(begun) = begun {
                let time = IdentifiedIn(begun.elapsed());
                request.extensions_mut().insert(time);
            }
            match identified {
                Ok(()) => inner.call(request).await,
                Err(status) => {
                    let response = layer.reject(&status);
                    let auditor = layer.auditor.as_ref();
                    Ok(match auditor.and_then(|a| Audited::begin(a, &request)) {
                        Some(audited) => audited.rejected(response).await,
                        None => response,
                    })
                }
            }
        })
    }
}
