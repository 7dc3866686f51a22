//! What a token of an issuer says, checked claim by claim.

use rustls_pki_types::UnixTime;
use serde_json::{Map, Value};

use super::{about, refused};
use crate::Error;

/// How far clocks may differ where a token is not valid yet, in seconds (go-oidc: `Verify`).
const LEEWAY: f64 = 60.0;

/// What a token says.
pub(super) struct Claims(pub(super) Map<String, Value>);

impl Claims {
    /// A claim that is text.
    pub(super) fn text(&self, claim: &str) -> Option<&str> {
        self.0.get(claim).and_then(Value::as_str)
    }

    /// Whose token it is. Google's have a name that is no URL (upstream: `untrustedIssuer`).
    pub(super) fn issuer(&self) -> Option<&str> {
        match self.text("iss") {
            Some("accounts.google.com") => Some("https://accounts.google.com"),
            issuer => issuer,
        }
    }

    /// A claim that is one text or a list of them; nothing if it is not there.
    pub(super) fn texts(&self, claim: &str) -> Result<Vec<&str>, Error> {
        let wrong = || about("groups claim", claim, "is neither text nor a list of texts");
        match self.0.get(claim) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::String(one)) => Ok(vec![one]),
            Some(Value::Array(many)) => many
                .iter()
                .map(|item| item.as_str().ok_or_else(wrong))
                .collect(),
            Some(Value::Bool(_) | Value::Number(_) | Value::Object(_)) => Err(wrong()),
        }
    }

    /// Whom the token is for.
    pub(super) fn audiences(&self) -> impl Iterator<Item = &str> {
        let one = self.text("aud").into_iter();
        let many = self.0.get("aud").and_then(Value::as_array);
        one.chain(many.into_iter().flatten().filter_map(Value::as_str))
    }

    /// A token that does not say when it expires has.
    pub(super) fn check_time(&self, now: UnixTime) -> Result<(), Error> {
        #[expect(clippy::cast_precision_loss, reason = "seconds fit for a long time")]
        let now = now.as_secs() as f64;
        let seconds = |claim: &str| self.0.get(claim).and_then(Value::as_f64);
        if seconds("exp").is_none_or(|expiry| now >= expiry) {
            return Err(refused("the token has expired"));
        }
        if seconds("nbf").is_some_and(|begin| now + LEEWAY < begin) {
            return Err(refused("the token is not valid yet"));
        }
        Ok(())
    }

    /// An issuer that says whether it verified an address must have; one that says nothing is
    /// believed.
    pub(super) fn check_email(&self) -> Result<(), Error> {
        match self.0.get("email_verified") {
            None | Some(Value::Bool(true)) => Ok(()),
            Some(_) => Err(refused("the email is not verified")),
        }
    }
}
