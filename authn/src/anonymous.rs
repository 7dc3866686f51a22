//! Somebody who shows no credentials.

use async_trait::async_trait;
use portcullis_api::UserInfo;

use crate::{Authenticator, Credentials, Error, Outcome};

/// Makes requests without credentials `system:anonymous` (`--anonymous-auth`).
///
/// Only those: credentials that prove nothing stay an error (upstream: `union.NewFailOnError`
/// around `request/anonymous`).
#[derive(Debug)]
pub struct OrAnonymous<A> {
    inner: A,
}

impl<A: Authenticator> OrAnonymous<A> {
    /// Asks `inner` first.
    pub const fn new(inner: A) -> Self {
        Self { inner }
    }
}

#[async_trait]
impl<A: Authenticator> Authenticator for OrAnonymous<A> {
    async fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Outcome, Error> {
        match self.inner.authenticate(credentials).await? {
            Outcome::NotMine => Ok(Outcome::Identified(nobody())),
            identified @ Outcome::Identified(_) => Ok(identified),
        }
    }
}

fn nobody() -> UserInfo {
    UserInfo {
        name: UserInfo::ANONYMOUS.into(),
        groups: vec![UserInfo::UNAUTHENTICATED.into()],
        ..UserInfo::default()
    }
}
