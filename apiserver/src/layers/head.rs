//! Rejects requests whose heads are larger than any client needs.

use axum::extract::Request;

use super::filter::Filter;
use crate::limits;
use crate::response::{self, Response};

/// The size of a request's head in bytes, an extension of it.
#[derive(Clone, Copy, Debug)]
pub struct HeadSize(pub usize);

/// Measures each head.
#[derive(Clone)]
pub struct CheckHead;

impl Filter<axum::body::Body> for CheckHead {
    type Kept = ();

    fn request(&self, request: &mut Request) -> Result<(), Response> {
        let size = limits::check_head(request.uri(), request.headers());
        let size = size.map_err(|status| response::status(&status))?;
        request.extensions_mut().insert(HeadSize(size));
        Ok(())
    }
}
