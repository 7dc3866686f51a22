//! The group of all authenticated users.

use async_trait::async_trait;
use portcullis_api::UserInfo;

use crate::{Authenticator, Credentials, Error, Outcome};

/// Adds `system:authenticated` to users that `inner` identifies.
///
/// Except `system:anonymous` and users already in that group or in `system:unauthenticated`
/// (upstream: `pkg/authentication/group/authenticated_group_adder.go`).
#[derive(Debug)]
pub struct Authenticated<A> {
    inner: A,
}

impl<A: Authenticator> Authenticated<A> {
    /// Adds the group to the users of `inner`.
    pub const fn new(inner: A) -> Self {
        Self { inner }
    }
}

#[async_trait]
impl<A: Authenticator> Authenticator for Authenticated<A> {
    async fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Outcome, Error> {
        let mut outcome = self.inner.authenticate(credentials).await?;
        if let Outcome::Identified(user) = &mut outcome {
            add_group(user);
        }
        Ok(outcome)
    }
}

/// Adds `system:authenticated` to the groups of an authenticated user.
pub(crate) fn add_group(user: &mut UserInfo) {
    let excluded = user.name == UserInfo::ANONYMOUS
        || user.is_in(UserInfo::AUTHENTICATED)
        || user.is_in(UserInfo::UNAUTHENTICATED);
    if !excluded {
        user.groups.push(UserInfo::AUTHENTICATED.into());
    }
}
