//! Counts requests by what they were about and how they were answered.

use std::sync::Arc;

use axum::extract::Request;
use http::Response;

use super::filter::Filter;
use crate::metrics::Metrics;
use crate::request::Described;

/// Counts each request once it has been answered.
#[derive(Clone)]
pub struct Count(pub Arc<Metrics>);

impl<B> Filter<B> for Count {
    type Kept = Option<Arc<Described>>;

    fn request(&self, request: &mut Request) -> Result<Self::Kept, Response<B>> {
        Ok(request.extensions().get::<Arc<Described>>().cloned())
    }

    fn response(&self, kept: Self::Kept, response: Response<B>) -> Response<B> {
        if let Some(described) = kept {
            let dry_run = !described.query.get("dryRun").is_empty();
            self.0.answered(&described.info, dry_run, response.status());
        }
        response
    }
}
