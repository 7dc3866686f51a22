//! Whose token is this? What a `TokenReview` asks for somebody who was shown one.

use std::fmt;
use std::sync::Arc;

use portcullis_api::UserInfo;
use rustls_pki_types::UnixTime;

use crate::authenticated::add_group;
use crate::service_account::ServiceAccountTokens;
use crate::{Bearer, Error, Outcome, TokenAuthenticator};

/// Judges tokens for others, who may be another audience than this server.
///
/// Only service account tokens say whom they are for; those of other kinds are for this server
/// (upstream: `WrapAudienceAgnosticToken`).
pub struct TokenReviewer {
    accounts: Arc<ServiceAccountTokens>,
    others: Bearer,
    audiences: Vec<String>,
}

impl TokenReviewer {
    /// Asks `accounts` and `others` on behalf of a server that is `audiences`.
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

    /// Whose token it is, and for which of `audiences`; without any, for which of this server's.
    ///
    /// # Errors
    /// [`Error`], if it is nobody's, or not good for any of them.
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
        let ours = audiences.iter().filter(|a| self.audiences.contains(a));
        let ours: Vec<_> = ours.cloned().collect();
        if ours.is_empty() {
            return Ok(None);
        }
        match self.others.authenticate_token(token).await? {
            Outcome::Identified(user) => Ok(Some((user, ours))),
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
