//! Authorization. Inner services find the result in [`crate::access::Authorized`].

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use axum::extract::Request;
use portcullis_admission::AuditAnnotations;
use portcullis_api::{Status, UserInfo};
use portcullis_rbac::Authorizer;

use super::decide::Decide;
use super::reject::unidentified;
use crate::access::authorization;
use crate::audit::{Audited, latency};
use crate::request::Described;

/// Accepts the requests that the authorizer allows.
#[derive(Clone)]
pub struct Authorize(pub Arc<dyn Authorizer>);

#[async_trait]
impl Decide for Authorize {
    fn waits(&self) -> bool {
        self.0.waits()
    }

    fn at_once(&self, request: &mut Request) -> Result<(), Status> {
        let AuthorizationInput {
            described,
            user,
            annotations,
        } = AuthorizationInput::take(request)?;
        let authorized =
            authorization::authorize(self.0.as_ref(), described, user, annotations.as_ref());
        request.extensions_mut().insert(authorized?);
        Ok(())
    }

    async fn wait(&self, request: &mut Request) -> Result<(), Status> {
        let begun = Instant::now();
        let AuthorizationInput {
            described,
            user,
            annotations,
        } = AuthorizationInput::take(request)?;
        let authorized =
            authorization::authorize_async(self.0.as_ref(), described, user, annotations.as_ref());
        let authorized = authorized.await;
        latency::took(latency::Stage::Authorization, begun.elapsed());
        request.extensions_mut().insert(authorized?);
        Ok(())
    }
}

/// The attributes to authorize.
struct AuthorizationInput {
    described: Arc<Described>,
    user: UserInfo,
    annotations: Option<AuditAnnotations>,
}

impl AuthorizationInput {
    fn take(request: &mut Request) -> Result<Self, Status> {
        let extensions = request.extensions_mut();
        let user = extensions.remove::<UserInfo>();
        let described = extensions.get::<Arc<Described>>().cloned();
        let (Some(user), Some(described)) = (user, described) else {
            return Err(unidentified());
        };
        let audited = extensions.get::<Arc<Audited>>();
        Ok(Self {
            described,
            user,
            annotations: audited.map(|audited| audited.annotations().clone()),
        })
    }
}
