//! Tokens of users that the program that runs the server names.

use std::collections::HashMap;
use std::fmt;

use async_trait::async_trait;
use parking_lot::RwLock;
use portcullis_api::UserInfo;

use crate::secret::Secret;
use crate::{Error, Outcome, TokenAuthenticator};

/// Tokens that are given to users while the server runs, as a test does for its users.
///
/// Only digests of tokens are kept, and looked up: the time that takes says nothing of a token.
#[derive(Default)]
pub struct IssuedTokens(RwLock<HashMap<[u8; 32], UserInfo>>);

impl IssuedTokens {
    /// From now on the token identifies the user.
    pub fn issue(&self, token: &str, user: UserInfo) {
        let digest = Secret::of(token.as_bytes()).digest();
        self.0.write().insert(digest, user);
    }
}

#[async_trait]
impl TokenAuthenticator for IssuedTokens {
    async fn authenticate_token(&self, token: &str) -> Result<Outcome, Error> {
        let digest = Secret::of(token.as_bytes()).digest();
        let user = self.0.read().get(&digest).cloned();
        Ok(user.map_or(Outcome::NotMine, Outcome::Identified))
    }
}

/// Shows how many there are.
impl fmt::Debug for IssuedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IssuedTokens({})", self.0.read().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_token_is_its_users_from_when_it_is_issued() {
        let tokens = IssuedTokens::default();
        let asked = tokens.authenticate_token("t0p-secret").await;
        assert_eq!(asked, Ok(Outcome::NotMine));
        let alice = UserInfo {
            name: "alice".into(),
            ..UserInfo::default()
        };
        tokens.issue("t0p-secret", alice.clone());
        let asked = tokens.authenticate_token("t0p-secret").await;
        assert_eq!(asked, Ok(Outcome::Identified(alice)));
        let asked = tokens.authenticate_token("t0p-secre").await;
        assert_eq!(asked, Ok(Outcome::NotMine));
        assert_eq!(format!("{tokens:?}"), "IssuedTokens(1)");
    }
}
