//! Tokens with which nodes join a cluster (`--enable-bootstrap-token-auth`): a public id and a
//! secret half, kept in a secret of `kube-system`.
//!
//! Upstream: `plugin/pkg/auth/authenticator/token/bootstrap`. A token that does not count is
//! nobody's: why is for the log.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use portcullis_api::UserInfo;
use portcullis_api::decode::parse_time;
use rustls_pki_types::UnixTime;

use crate::secret::Secret;
use crate::stored::{Look, Secrets, StoredSecret};
use crate::{Error, Outcome, TokenAuthenticator};

const NAMESPACE: &str = "kube-system";
const PREFIX: &str = "bootstrap-token-";
const KIND: &str = "bootstrap.kubernetes.io/token";
const GROUP: &str = "system:bootstrappers";

/// Reads bootstrap tokens.
pub struct BootstrapTokens {
    secrets: Arc<dyn Secrets>,
}

impl BootstrapTokens {
    /// Looks tokens up among these secrets.
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
        let Some((id, secret)) = halves(token) else {
            return Ok(Outcome::NotMine);
        };
        let name = format!("{PREFIX}{id}");
        let Some(stored) = self.secrets.secret(NAMESPACE, &name, Look::Known).await else {
            return Ok(Outcome::NotMine);
        };
        match user(&stored, id, secret, UnixTime::now()) {
            Ok(user) => Ok(Outcome::Identified(user)),
            Err(why) => {
                tracing::debug!(secret = name, why, "a bootstrap token does not count");
                Ok(Outcome::NotMine)
            }
        }
    }
}

/// Six characters, a dot, sixteen characters: small letters and digits.
fn halves(token: &str) -> Option<(&str, &str)> {
    let (id, secret) = token.split_once('.')?;
    let made_of = |text: &str, length| {
        text.len() == length
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    (made_of(id, 6) && made_of(secret, 16)).then_some((id, secret))
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
        return Err("it is deleted");
    }
    if stored.kind != KIND {
        return Err("its secret is of another type");
    }
    let same = Secret::of(field("token-secret")).same(&Secret::of(secret.as_bytes()));
    if !bool::from(same) {
        return Err("its secret half is another");
    }
    if text("token-id") != id {
        return Err("its id is another");
    }
    if has_expired(text("expiration"), now) {
        return Err("it has expired");
    }
    if text("usage-bootstrap-authentication") != "true" {
        return Err("it is not for authentication");
    }
    Ok(UserInfo {
        name: format!("system:bootstrap:{id}"),
        groups: groups(text("auth-extra-groups"))?,
        ..UserInfo::default()
    })
}

/// A date nobody can read is over (upstream: `bootstrapsecretutil.HasExpired`).
fn has_expired(expiration: &str, now: UnixTime) -> bool {
    if expiration.is_empty() {
        return false;
    }
    let expiry = parse_time(expiration);
    let expiry = expiry.map_or(0, |at| u64::try_from(at.as_second()).unwrap_or(0));
    expiry <= now.as_secs()
}

/// Upstream sorts them, and takes none but those for bootstrapping.
fn groups(extra: &str) -> Result<Vec<String>, &'static str> {
    let mut groups = vec![GROUP.to_owned()];
    for group in extra.split(',').filter(|_| !extra.is_empty()) {
        let rest = group
            .strip_prefix(GROUP)
            .and_then(|rest| rest.strip_prefix(':'));
        if !rest.is_some_and(is_group) {
            return Err("it names a group that is none of system:bootstrappers");
        }
        groups.push(group.to_owned());
    }
    groups.sort();
    groups.dedup();
    Ok(groups)
}

/// Upstream: `BootstrapGroupPattern`, `[a-z0-9:-]{0,255}[a-z0-9]`.
fn is_group(rest: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    rest.len() <= 256
        && rest.bytes().next_back().is_some_and(plain)
        && rest.bytes().all(|b| plain(b) || b == b':' || b == b'-')
}

#[cfg(test)]
mod tests;
