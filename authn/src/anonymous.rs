//! Requests without credentials.

use async_trait::async_trait;
use portcullis_api::UserInfo;

use crate::{Authenticator, Credentials, Error, Outcome};

/// Identifies requests without credentials as `system:anonymous` (`--anonymous-auth`).
///
/// Invalid credentials remain an error (upstream: `union.NewFailOnError` around
/// `request/anonymous`).
#[derive(Debug)]
pub struct OrAnonymous<A> {
    inner: A,
}

impl<A: Authenticator> OrAnonymous<A> {
    /// Falls back to anonymous if `inner` finds no credentials.
    pub const fn new(inner: A) -> Self {
        Self { inner }
    }
}

#[async_trait]
impl<A: Authenticator> Authenticator for OrAnonymous<A> {
    async fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Outcome, Error> {
        match self.inner.authenticate(credentials).await? {
            Outcome::NotMine => Ok(Outcome::Identified(anonymous())),
            identified @ Outcome::Identified(_) => Ok(identified),
        }
    }
}

fn anonymous() -> UserInfo {
    UserInfo {
        name: UserInfo::ANONYMOUS.into(),
        groups: vec![UserInfo::UNAUTHENTICATED.into()],
        ..UserInfo::default()
    }
}
