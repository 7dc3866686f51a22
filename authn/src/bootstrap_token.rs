//! Bootstrap tokens, with which nodes join a cluster (`--enable-bootstrap-token-auth`): a public ID
//! and a secret part, stored in a secret in `kube-system`.
//!
//! Upstream: `plugin/pkg/auth/authenticator/token/bootstrap`. As there, a rejected token counts as
//! unknown, and the reason is only logged.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use portcullis_api::UserInfo;
use portcullis_api::bootstrap_token::{GROUP, NAMESPACE, PREFIX, SECRET_TYPE, end, parse};
use rustls_pki_types::UnixTime;

use crate::secret::Secret;
use crate::stored::{Lookup, Secrets, StoredSecret};
use crate::{Error, Outcome, TokenAuthenticator};

/// Authenticates bootstrap tokens.
pub struct BootstrapTokens {
    secrets: Arc<dyn Secrets>,
}

impl BootstrapTokens {
    /// Looks up tokens in `secrets`.
    pub fn new(secrets: Arc<dyn Secrets>) -> Self {
        Self { secrets }
    }
}

impl fmt::Debug for BootstrapTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BootstrapTokens").finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenAuthenticator for BootstrapTokens {
    async fn authenticate_token(&self, token: &str) -> Result<Outcome, Error> {
        let Some((id, secret)) = parse(token) else {
            return Ok(Outcome::NotMine);
        };
        let name = format!("{PREFIX}{id}");
        let Some(stored) = self.secrets.secret(NAMESPACE, &name, Lookup::Cached).await else {
            return Ok(Outcome::NotMine);
        };
        match user(&stored, id, secret, UnixTime::now()) {
            Ok(user) => Ok(Outcome::Identified(user)),
            Err(why) => {
                tracing::debug!(secret = name, why, "rejected a bootstrap token");
                Ok(Outcome::NotMine)
            }
        }
    }
}

fn user(
    stored: &StoredSecret,
    id: &str,
    secret: &str,
    now: UnixTime,
) -> Result<UserInfo, &'static str> {
    let field = |key: &str| stored.data.get(key).map_or(&[][..], Vec::as_slice);
    let text = |key: &str| std::str::from_utf8(field(key)).unwrap_or_default();
    if stored.deleted {
        return Err("the secret is deleted");
    }
    if stored.kind != SECRET_TYPE {
        return Err("the secret has another type");
    }
    let same = Secret::of(field("token-secret")).same(&Secret::of(secret.as_bytes()));
    if !bool::from(same) {
        return Err("the token secret does not match");
    }
    if text("token-id") != id {
        return Err("the token ID does not match");
    }
    let ends = end(text("expiration")).map(|at| u64::try_from(at).unwrap_or(0));
    if ends.is_some_and(|end| end <= now.as_secs()) {
        return Err("the token has expired");
    }
    if text("usage-bootstrap-authentication") != "true" {
        return Err("the token may not be used for authentication");
    }
    Ok(UserInfo {
        name: format!("system:bootstrap:{id}"),
        groups: groups(text("auth-extra-groups"))?,
        ..UserInfo::default()
    })
}

/// The token's groups, sorted as upstream. Extra groups must be below `system:bootstrappers`.
fn groups(extra: &str) -> Result<Vec<String>, &'static str> {
    let mut groups = vec![GROUP.to_owned()];
    for group in extra.split(',').filter(|_| !extra.is_empty()) {
        let rest = group
            .strip_prefix(GROUP)
            .and_then(|rest| rest.strip_prefix(':'));
        if !rest.is_some_and(is_valid_group) {
            return Err("an extra group is not below system:bootstrappers");
        }
        groups.push(group.to_owned());
    }
    groups.sort();
    groups.dedup();
    Ok(groups)
}

/// Upstream: `BootstrapGroupPattern`, `[a-z0-9:-]{0,255}[a-z0-9]`.
fn is_valid_group(rest: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    rest.len() <= 256
        && rest.bytes().next_back().is_some_and(alphanumeric)
        && rest
            .bytes()
            .all(|b| alphanumeric(b) || b == b':' || b == b'-')
}

#[cfg(test)]
mod tests;
