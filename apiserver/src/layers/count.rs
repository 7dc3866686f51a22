//! Counts requests by target and status code.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::Request;
use http::Response;
use http_body::Body;

use super::filter::Filter;
use crate::limits::in_flight::InFlight;
use crate::limits::{Terminated, is_long_running};
use crate::metrics::{Answered, Metrics};
use crate::request::Described;

/// The size of a response before it is compressed; an extension of it.
#[derive(Clone, Copy)]
struct Size(u64);

/// Notes the sizes of responses for [`Count`], which is further out.
#[derive(Clone)]
pub struct Measure;

impl<B: Body> Filter<B> for Measure {
    type Kept = ();

    fn request(&self, _request: &mut Request) -> Result<(), Response<B>> {
        Ok(())
    }

    fn response(&self, (): (), mut response: Response<B>) -> Response<B> {
        if let Some(size) = response.body().size_hint().exact() {
            response.extensions_mut().insert(Size(size));
        }
        response
    }
}

/// Counts each request once it has been answered, long-running ones once they have ended.
#[derive(Clone)]
pub struct Count(pub Arc<Metrics>);

impl<B> Filter<B> for Count {
    type Kept = Option<(Arc<Described>, Instant)>;

    fn request(&self, request: &mut Request) -> Result<Self::Kept, Response<B>> {
        let described = request.extensions().get::<Arc<Described>>().cloned();
        Ok(described.map(|described| (described, Instant::now())))
    }

    fn response(&self, kept: Self::Kept, response: Response<B>) -> Response<B> {
        let Some((described, begun)) = kept else {
            return response;
        };
        let extensions = response.extensions();
        let request = Answered {
            info: &described.info,
            dry_run: !described.query.get("dryRun").is_empty(),
            code: response.status(),
            begun,
            size: extensions.get::<Size>().map(|size| size.0),
        };
        if extensions.get::<Terminated>().is_some() {
            self.0.terminated(&request);
        }
        match extensions.get::<Arc<InFlight>>() {
            Some(in_flight) if is_long_running(&described.info) => {
                in_flight.keep(self.0.long_running(&request));
            }
            _ => self.0.answered(&request),
        }
        response
    }
}
