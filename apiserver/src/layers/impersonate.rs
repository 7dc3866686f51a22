//! Whoever acts as another user is judged as that user from here on.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use portcullis_api::UserInfo;
use portcullis_rbac::Authorizer;

use super::filter::Filter;
use super::reject::{reject, unidentified};
use super::trace;
use crate::access::impersonation;
use crate::audit::Audited;
use crate::response::Response;

/// Replaces the user of each request that asks for it, and may.
#[derive(Clone)]
pub struct Impersonate(pub Arc<dyn Authorizer>);

impl Filter<Body> for Impersonate {
    type Kept = ();

    fn request(&self, request: &mut Request) -> Result<(), Response> {
        let user = request.extensions().get::<UserInfo>();
        let user = user.ok_or_else(|| reject(&unidentified()))?;
        let other = impersonation::impersonate(self.0.as_ref(), user, request.headers());
        if let Some(other) = other.map_err(|status| reject(&status))? {
            trace::acting_as(&other);
            if let Some(audited) = request.extensions().get::<Arc<Audited>>() {
                audited.acts_as(&other);
            }
            request.extensions_mut().insert(other);
        }
        Ok(())
    }
}
