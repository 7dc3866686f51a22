//! The group of everybody who proved an identity.

use async_trait::async_trait;
use portcullis_api::UserInfo;

use crate::{Authenticator, Credentials, Error, Outcome};

/// Adds `system:authenticated` to whoever `inner` identifies.
///
/// Not to `system:anonymous`, and not to somebody who is in it or in `system:unauthenticated`
/// (upstream: `pkg/authentication/group/authenticated_group_adder.go`).
#[derive(Debug)]
pub struct Authenticated<A> {
    inner: A,
}

impl<A: Authenticator> Authenticated<A> {
    /// Wraps `inner`.
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

/// Puts a user who proved an identity in the group of all who did.
pub(crate) fn add_group(user: &mut UserInfo) {
    let decided = user.name == UserInfo::ANONYMOUS
        || user.is_in(UserInfo::AUTHENTICATED)
        || user.is_in(UserInfo::UNAUTHENTICATED);
    if !decided {
        user.groups.push(UserInfo::AUTHENTICATED.into());
    }
}
