//! May the user do this? What is inside finds the answer in [`crate::access::Authorized`].

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use http::header::{HeaderValue, X_CONTENT_TYPE_OPTIONS};
use portcullis_api::{Status, UserInfo};
use portcullis_rbac::Authorizer;

use super::filter::Filter;
use super::impersonate::unidentified;
use crate::access::authorization;
use crate::request::Described;
use crate::response::{self, Response};

/// Lets through what the authorizer allows.
#[derive(Clone)]
pub struct Authorize(pub Arc<dyn Authorizer>);

impl Filter<Body> for Authorize {
    type Kept = ();

    fn request(&self, request: &mut Request) -> Result<(), Response> {
        let extensions = request.extensions_mut();
        let user = extensions.remove::<UserInfo>();
        let (Some(user), Some(described)) = (user, extensions.get::<Arc<Described>>()) else {
            return Err(reject(&unidentified()));
        };
        let authorized = authorization::authorize(self.0.as_ref(), described.clone(), user);
        extensions.insert(authorized.map_err(|status| reject(&status))?);
        Ok(())
    }
}

/// The response of a request that no handler sees.
pub(super) fn reject(status: &Status) -> Response {
    let mut response = response::status(status);
    if status.code == 403 {
        // It repeats names of users and paths (upstream: `responsewriters.Forbidden`).
        let value = HeaderValue::from_static("nosniff");
        response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, value);
    }
    response
}
