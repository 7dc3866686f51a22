//! Impersonation: the inner services see the impersonated user.

use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::Request;
use portcullis_api::{Status, UserInfo};
use portcullis_rbac::Authorizer;

use super::decide::Decide;
use super::reject::unidentified;
use super::trace;
use crate::access::impersonation;
use crate::audit::Audited;

/// Replaces the user of each request that asks for it and is allowed to.
#[derive(Clone)]
pub struct Impersonate(pub Arc<dyn Authorizer>);

#[async_trait]
impl Decide for Impersonate {
    fn waits(&self) -> bool {
        self.0.waits()
    }

    fn at_once(&self, request: &mut Request) -> Result<(), Status> {
        let user = request.extensions().get::<UserInfo>();
        let user = user.ok_or_else(unidentified)?;
        let other = impersonation::impersonate(self.0.as_ref(), user, request.headers());
        replace(request, other)
    }

    async fn wait(&self, request: &mut Request) -> Result<(), Status> {
        let user = request.extensions().get::<UserInfo>();
        let user = user.ok_or_else(unidentified)?.clone();
        // a request cannot be shared across an await
        let headers = request.headers().clone();
        let other = impersonation::impersonate_async(self.0.as_ref(), &user, &headers).await;
        replace(request, other)
    }
}

fn replace(request: &mut Request, other: Result<Option<UserInfo>, Status>) -> Result<(), Status> {
    if let Some(other) = other? {
        trace::acting_as(&other);
        if let Some(audited) = request.extensions().get::<Arc<Audited>>() {
            audited.acts_as(&other);
        }
        request.extensions_mut().insert(other);
    }
    Ok(())
}
