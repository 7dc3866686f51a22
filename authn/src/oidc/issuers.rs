//! The issuers of a file that may change (`--authentication-config`).

use async_trait::async_trait;

use super::OidcTokens;
use crate::union::Attempts;
use crate::{Error, Outcome, Reloading, TokenAuthenticator};

/// Authenticates the tokens of the issuers that a file names at the time.
#[async_trait]
impl TokenAuthenticator for Reloading<Vec<OidcTokens>> {
    async fn authenticate_token(&self, token: &str) -> Result<Outcome, Error> {
        let mut attempts = Attempts::default();
        for issuer in self.current().iter() {
            let outcome = issuer.authenticate_token(token).await;
            if let Some(identified) = attempts.add(outcome) {
                return Ok(identified);
            }
        }
        attempts.conclude()
    }
}
