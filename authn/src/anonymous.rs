//! Requests without credentials.

use std::collections::BTreeSet;

use async_trait::async_trait;
use portcullis_api::UserInfo;

use crate::{Authenticator, Credentials, Error, Outcome};

/// Which requests without credentials are anonymous (upstream: `AnonymousAuthConfig`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Anonymous {
    /// None.
    Never,
    /// All.
    Always,
    /// Those for one of these paths.
    Paths(BTreeSet<String>),
}

impl Anonymous {
    fn allows(&self, path: &str) -> bool {
        match self {
            Self::Never => false,
            Self::Always => true,
            Self::Paths(paths) => paths.contains(path),
        }
    }
}

/// Identifies requests without credentials as `system:anonymous` (`--anonymous-auth`), where that is allowed.
///
/// Invalid credentials remain an error (upstream: `union.NewFailOnError` around
/// `request/anonymous`).
#[derive(Debug)]
pub struct OrAnonymous<A> {
    inner: A,
    anonymous: Anonymous,
}

impl<A: Authenticator> OrAnonymous<A> {
    /// Falls back to anonymous if `inner` finds no credentials.
    pub const fn new(inner: A, anonymous: Anonymous) -> Self {
        Self { inner, anonymous }
    }
}

#[async_trait]
impl<A: Authenticator> Authenticator for OrAnonymous<A> {
    async fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Outcome, Error> {
        match self.inner.authenticate(credentials).await? {
            Outcome::NotMine if self.anonymous.allows(credentials.path) => {
                Ok(Outcome::Identified(anonymous()))
            }
            outcome => Ok(outcome),
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
