//! Token reviews: identification of a token's user on behalf of another server.

use std::fmt;
use std::sync::Arc;

use portcullis_api::UserInfo;
use rustls_pki_types::UnixTime;

use crate::authenticated::add_group;
use crate::service_account::ServiceAccountTokens;
use crate::{Bearer, Error, Outcome, TokenAuthenticator};

/// Authenticates the tokens of `TokenReview`s, whose audiences may differ from this server's.
///
/// Only service account tokens have audiences; others are for this server's (upstream:
/// `WrapAudienceAgnosticToken`).
pub struct TokenReviewer {
    accounts: Arc<ServiceAccountTokens>,
    others: Bearer,
    audiences: Vec<String>,
}

impl TokenReviewer {
    /// `audiences` are those of this server.
    pub fn new(
        accounts: Arc<ServiceAccountTokens>,
        others: Bearer,
        audiences: Vec<String>,
    ) -> Self {
        Self {
            accounts,
            others,
            audiences,
        }
    }

    /// Identifies the user of a token, and which of `audiences` it is for. Without any, this
    /// server's apply.
    ///
    /// # Errors
    /// [`Error`], if the token is unknown, invalid, or not for any of them.
    pub async fn review(
        &self,
        token: &str,
        audiences: &[String],
    ) -> Result<(UserInfo, Vec<String>), Error> {
        let audiences = if audiences.is_empty() {
            &self.audiences
        } else {
            audiences
        };
        let reviewed = match self.review_other(token, audiences).await? {
            Some(reviewed) => Some(reviewed),
            None => {
                let now = UnixTime::now();
                self.accounts.review(token, audiences, now).await?
            }
        };
        let (mut user, audiences) = reviewed.ok_or(Error::InvalidToken)?;
        add_group(&mut user);
        Ok((user, audiences))
    }

    async fn review_other(
        &self,
        token: &str,
        audiences: &[String],
    ) -> Result<Option<(UserInfo, Vec<String>)>, Error> {
        let common = audiences.iter().filter(|a| self.audiences.contains(a));
        let common: Vec<_> = common.cloned().collect();
        if common.is_empty() {
            return Ok(None);
        }
        match self.others.authenticate_token(token).await? {
            Outcome::Identified(user) => Ok(Some((user, common))),
            Outcome::NotMine => Ok(None),
        }
    }
}

impl fmt::Debug for TokenReviewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenReviewer")
            .field("audiences", &self.audiences)
            .finish_non_exhaustive()
    }
}
