//! The claims of an issuer's token, and checks of them.

use rustls_pki_types::UnixTime;
use serde_json::Value;

use super::{Issuer, JwtOptions, claim_error, error};
use crate::Error;
use crate::jwt::Token;

/// The accepted clock difference for `nbf`, in seconds (go-oidc: `Verify`).
const LEEWAY: f64 = 60.0;

/// The claims of a token, a JSON object.
pub(super) struct Claims(pub(super) Value);

impl Claims {
    /// A claim that is a string.
    pub(super) fn text(&self, claim: &str) -> Option<&str> {
        self.0.get(claim).and_then(Value::as_str)
    }

    /// The issuer. Google's tokens may name it without a scheme (upstream: `untrustedIssuer`).
    pub(super) fn issuer(&self) -> Option<&str> {
        match self.text("iss") {
            Some("accounts.google.com") => Some("https://accounts.google.com"),
            issuer => issuer,
        }
    }

    /// A claim that is a string or a list of strings; empty if it is missing.
    pub(super) fn texts(&self, claim: &str) -> Result<Vec<&str>, Error> {
        let invalid = || {
            claim_error(
                "groups claim",
                claim,
                "is neither a string nor a list of strings",
            )
        };
        match self.0.get(claim) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::String(one)) => Ok(vec![one]),
            Some(Value::Array(many)) => many
                .iter()
                .map(|item| item.as_str().ok_or_else(invalid))
                .collect(),
            Some(Value::Bool(_) | Value::Number(_) | Value::Object(_)) => Err(invalid()),
        }
    }

    /// The audiences of the token.
    pub(super) fn audiences(&self) -> impl Iterator<Item = &str> {
        let one = self.text("aud").into_iter();
        let many = self.0.get("aud").and_then(Value::as_array);
        one.chain(many.into_iter().flatten().filter_map(Value::as_str))
    }

    /// Checks that their token is signed by an issuer, valid now, and for one of the accepted audiences.
    pub(super) async fn check_signed_for(
        &self,
        token: &Token<'_>,
        issuer: &Issuer,
        options: &JwtOptions,
        now: UnixTime,
    ) -> Result<(), Error> {
        let allowed = &options.signing_algs;
        if token.algorithm().is_none_or(|a| !allowed.contains(&a)) {
            return Err(error("the token's signature algorithm is not accepted"));
        }
        if !issuer.signed(token, allowed).await? {
            return Err(error("the token is not signed by a key of the issuer"));
        }
        self.check_time(now)?;
        let accepted = &options.audiences;
        if !self.audiences().any(|a| accepted.iter().any(|b| a == b)) {
            return Err(error("the token has a different audience"));
        }
        Ok(())
    }

    /// Checks `exp` and `nbf`. A token without `exp` counts as expired.
    pub(super) fn check_time(&self, now: UnixTime) -> Result<(), Error> {
        #[expect(clippy::cast_precision_loss, reason = "seconds fit for a long time")]
        let now = now.as_secs() as f64;
        let seconds = |claim: &str| self.0.get(claim).and_then(Value::as_f64);
        if seconds("exp").is_none_or(|expiry| now >= expiry) {
            return Err(error("the token has expired"));
        }
        if seconds("nbf").is_some_and(|begin| now + LEEWAY < begin) {
            return Err(error("the token is not valid yet"));
        }
        Ok(())
    }

    /// Checks that the email address is not marked as unverified.
    pub(super) fn check_email(&self) -> Result<(), Error> {
        match self.0.get("email_verified") {
            None | Some(Value::Bool(true)) => Ok(()),
            Some(_) => Err(error("the email is not verified")),
        }
    }
}
