//! May the user do this? What is inside finds the answer in [`crate::access::Authorized`].

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use portcullis_api::UserInfo;
use portcullis_rbac::Authorizer;

use super::filter::Filter;
use super::reject::{reject, unidentified};
use crate::access::authorization;
use crate::audit::Audited;
use crate::request::Described;
use crate::response::Response;

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
        let annotations = extensions.get::<Arc<Audited>>().map(|a| a.annotations());
        let authorizer = self.0.as_ref();
        let authorized = authorization::authorize(authorizer, described.clone(), user, annotations);
        extensions.insert(authorized.map_err(|status| reject(&status))?);
        Ok(())
    }
}
