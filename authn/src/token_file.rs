//! Static tokens (`--token-auth-file`).

use std::path::Path;

use async_trait::async_trait;
use portcullis_api::UserInfo;
use subtle::{ConditionallySelectable, ConstantTimeEq};

use crate::reload::{FileError, Reload, Reloading};
use crate::secret::Secret;
use crate::users_file::entries;
use crate::{Error, Outcome, TokenAuthenticator};

/// Authenticates the tokens of a file of `token,user,uid[,"group1,group2"]`.
///
/// Of equal tokens the last is used, and empty ones are ignored, both with a warning (upstream:
/// `pkg/authentication/token/tokenfile`).
#[derive(Debug)]
pub struct TokenFile {
    tokens: Reloading<Tokens>,
}

#[derive(Debug)]
struct Tokens(Vec<(Secret, UserInfo)>);

impl TokenFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`FileError`], with the line of the first invalid record.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        Ok(Self {
            tokens: Reloading::load(path, parse)?,
        })
    }

    /// Parses `contents`; `path` is used for messages and reloading only.
    ///
    /// # Errors
    /// [`FileError`], with the line of the first invalid record.
    pub fn of(path: &Path, contents: &[u8]) -> Result<Self, FileError> {
        Ok(Self {
            tokens: Reloading::of(path, contents, parse)?,
        })
    }
}

#[async_trait]
impl TokenAuthenticator for TokenFile {
    async fn authenticate_token(&self, token: &str) -> Result<Outcome, Error> {
        let user = self.tokens.current().find(&Secret::of(token.as_bytes()));
        Ok(user.map_or(Outcome::NotMine, Outcome::Identified))
    }
}

impl Reload for TokenFile {
    fn path(&self) -> &Path {
        self.tokens.path()
    }

    fn reload(&self) -> Result<bool, FileError> {
        self.tokens.reload()
    }
}

impl Tokens {
    /// Finds the user of a token. Always compares all tokens, so that timing does not reveal a
    /// token's position.
    fn find(&self, token: &Secret) -> Option<UserInfo> {
        const NONE: u64 = u64::MAX;
        let mut found = NONE;
        for (index, (known, _)) in (0_u64..).zip(&self.0) {
            found.conditional_assign(&index, known.same(token));
        }
        let found = usize::try_from(found)
            .ok()
            .filter(|_| !bool::from(found.ct_eq(&NONE)))?;
        self.0.get(found).map(|(_, user)| user.clone())
    }
}

fn parse(path: &Path, contents: &[u8]) -> Result<Tokens, FileError> {
    let file = path.display();
    let mut tokens: Vec<(Secret, UserInfo)> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for entry in entries(path, contents, "token, user name, user uid")? {
        let Some(token) = entry.secret else {
            tracing::warn!(%file, line = entry.line, "ignored an empty token");
            continue;
        };
        if !seen.insert(token.digest()) {
            tracing::warn!(%file, line = entry.line, "duplicate token, the last record is used");
        }
        // Duplicates stay in the list: `find` returns the last match.
        tokens.push((token, entry.user));
    }
    Ok(Tokens(tokens))
}
