//! Tokens in the subprotocols of websockets, as browsers cannot set their headers.
//!
//! Upstream: `pkg/authentication/request/websocket`.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_PROTOCOL, UPGRADE};

use crate::{Authenticator, Bearer, Credentials, Error, Outcome};

/// The prefix of a subprotocol that contains a token.
const PREFIX: &str = "base64url.bearer.authorization.k8s.io.";

/// Authenticates the token in the subprotocols of a websocket.
#[derive(Debug)]
pub struct Websocket {
    tokens: Arc<Bearer>,
}

impl Websocket {
    /// Authenticates with `tokens`.
    pub const fn new(tokens: Arc<Bearer>) -> Self {
        Self { tokens }
    }
}

/// Removes tokens from the subprotocols that a request offers, so that they are not forwarded with it.
pub fn remove_websocket_tokens(headers: &mut HeaderMap) {
    let offered = words(headers, &SEC_WEBSOCKET_PROTOCOL);
    if !offered.iter().any(|word| word.starts_with(PREFIX)) {
        return;
    }
    let others = offered.into_iter().filter(|word| !word.starts_with(PREFIX));
    let others = others.collect::<Vec<_>>().join(", ");
    match HeaderValue::from_str(&others) {
        Ok(others) if !others.is_empty() => {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, others);
        }
        _ => {
            headers.remove(SEC_WEBSOCKET_PROTOCOL);
        }
    }
}

#[async_trait]
impl Authenticator for Websocket {
    async fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Outcome, Error> {
        if !is_websocket(credentials.headers) {
            return Ok(Outcome::NotMine);
        }
        let offered = words(credentials.headers, &SEC_WEBSOCKET_PROTOCOL);
        let (tokens, others): (Vec<&str>, Vec<&str>) = offered
            .into_iter()
            .partition(|word| word.starts_with(PREFIX));
        let token = match tokens.as_slice() {
            [] => return Ok(Outcome::NotMine),
            [token] => token.strip_prefix(PREFIX).unwrap_or_default(),
            _ => {
                return Err(Error::Websocket(
                    "multiple base64.bearer.authorization tokens specified",
                ));
            }
        };
        let token = URL_SAFE_NO_PAD.decode(token).ok();
        let token = token.and_then(|token| String::from_utf8(token).ok());
        let Some(token) = token else {
            return Err(Error::Websocket(
                "invalid base64.bearer.authorization token encoding",
            ));
        };
        if token.is_empty() {
            return Ok(Outcome::NotMine);
        }
        // The response must select a subprotocol, which the token is not.
        if others.is_empty() {
            return Err(Error::Websocket("missing additional subprotocol"));
        }
        self.tokens
            .authenticate_required(&token, credentials.trace)
            .await
    }
}

fn is_websocket(headers: &HeaderMap) -> bool {
    let lists = |name, word: &str| {
        words(headers, &name)
            .iter()
            .any(|w| w.eq_ignore_ascii_case(word))
    };
    lists(CONNECTION, "upgrade") && lists(UPGRADE, "websocket")
}

/// The items of a comma-separated header.
fn words<'h>(headers: &'h HeaderMap, name: &http::HeaderName) -> Vec<&'h str> {
    let values = headers.get_all(name).iter();
    let values = values.filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .collect()
}

#[cfg(test)]
mod tests;
