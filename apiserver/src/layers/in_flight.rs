//! How many requests are carried out at the same time, and the memory they hold until their responses are
//! sent.
//!
//! Upstream: `k8s.io/apiserver/pkg/server/filters/maxinflight.go`.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use futures_util::future::BoxFuture;
use http::StatusCode;
use http_body::Body as _;
use portcullis_api::Status;
use tower::{Layer, Service};

use super::head::HeadSize;
use crate::access::Authorized;
use crate::limits::in_flight::InFlight;
use crate::limits::{Limits, Terminated};
use crate::request::Peer;
use crate::response::{self, Response};

/// Makes an [`InFlight`] for each request, and stores it in the extensions of the request and of its response: it is
/// held until the response is sent.
#[derive(Clone)]
pub struct InFlightLayer(pub Arc<Limits>);

/// A service whose requests need a permit.
#[derive(Clone)]
pub struct Limited<S> {
    limits: Arc<Limits>,
    inner: S,
}

impl<S> Layer<S> for InFlightLayer {
    type Service = Limited<S>;

    fn layer(&self, inner: S) -> Self::Service {
        let limits = self.0.clone();
        Limited { limits, inner }
    }
}

/// Takes the request's permit, unless its body has to be read first.
fn admit(limits: &Limits, request: &mut Request) -> Result<Arc<InFlight>, Status> {
    let extensions = request.extensions();
    let authorized = extensions.get::<Authorized>();
    let authorized = authorized.ok_or_else(Authorized::missing)?;
    let head = extensions.get::<HeadSize>().map_or(0, |head| head.0);
    let in_flight = InFlight::new(limits, authorized.info(), authorized.user(), head)?;
    if let Some(peer) = extensions.get::<Peer>() {
        peer.user.get_or_init(|| in_flight.user().clone());
    }
    if !in_flight.starts_after_body() || request.body().is_end_stream() {
        // A body that no handler reads is discarded.
        *request.body_mut() = Body::empty();
        in_flight.start()?;
    }
    request.extensions_mut().insert(in_flight.clone());
    Ok(in_flight)
}

/// The response with the permits it holds; another one if there is no memory for it.
async fn hold(in_flight: Arc<InFlight>, mut response: Response) -> Response {
    let size = response.body().size_hint().exact();
    let size = size.map_or(0, |size| usize::try_from(size).unwrap_or(usize::MAX));
    if let Err(status) = in_flight.cover_response(size).await {
        in_flight.drop_response();
        response = response::status(&status);
    }
    if in_flight.is_denied() && response.status() == StatusCode::TOO_MANY_REQUESTS {
        response.extensions_mut().insert(Terminated);
    }
    response.extensions_mut().insert(in_flight);
    response
}

impl<S> Service<Request> for Limited<S>
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
        match admit(&self.limits, &mut request) {
            Ok(in_flight) => {
                let answered = self.inner.call(request);
                Box::pin(async move {
                    let Ok(response) = answered.await;
                    Ok(hold(in_flight, response).await)
                })
            }
            Err(status) => {
                let mut response = response::status(&status);
                if response.status() == StatusCode::TOO_MANY_REQUESTS {
                    response.extensions_mut().insert(Terminated);
                }
                Box::pin(std::future::ready(Ok(response)))
            }
        }
    }
}
