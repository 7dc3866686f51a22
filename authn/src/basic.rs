//! User names and passwords (`--basic-auth-file`), as kube-apiserver supported them until 1.18.

use std::collections::HashMap;
use std::path::Path;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use portcullis_api::UserInfo;
use subtle::Choice;

use crate::reload::{FileError, Problem, Reload, Reloading};
use crate::secret::Secret;
use crate::users_file::{entries, line_error};
use crate::{Authenticator, Credentials, Error, Outcome};

/// Verifies `Authorization: Basic` against a file of `password,user,uid[,"group1,group2"]`.
///
/// Of several records of a user the last is used, with a warning (upstream:
/// `plugin/pkg/authenticator/password/passwordfile` and `request/basicauth` of 1.18).
#[derive(Debug)]
pub struct BasicFile {
    users: Reloading<Users>,
}

#[derive(Debug)]
struct Users {
    by_name: HashMap<String, (Secret, UserInfo)>,
    /// Compared with the password of an unknown user, so that it takes the same time.
    dummy: Secret,
}

impl BasicFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`FileError`], with the line of the first invalid record.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        Ok(Self {
            users: Reloading::load(path, parse)?,
        })
    }

    /// Parses `contents`; `path` is used for messages and reloading only.
    ///
    /// # Errors
    /// [`FileError`], with the line of the first invalid record.
    pub fn of(path: &Path, contents: &[u8]) -> Result<Self, FileError> {
        Ok(Self {
            users: Reloading::of(path, contents, parse)?,
        })
    }
}

#[async_trait]
impl Authenticator for BasicFile {
    async fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Outcome, Error> {
        let header = credentials
            .headers
            .get(AUTHORIZATION)
            .map(http::HeaderValue::as_bytes);
        let Some((name, password)) = header.and_then(name_and_password) else {
            return Ok(Outcome::NotMine);
        };
        let users = self.users.current();
        let user = users
            .find(&name, &Secret::of(&password))
            .ok_or(Error::InvalidPassword)?;
        Ok(Outcome::Identified(user))
    }
}

impl Reload for BasicFile {
    fn path(&self) -> &Path {
        self.users.path()
    }

    fn reload(&self) -> Result<bool, FileError> {
        self.users.reload()
    }
}

impl Users {
    fn find(&self, name: &[u8], password: &Secret) -> Option<UserInfo> {
        let known = std::str::from_utf8(name)
            .ok()
            .and_then(|name| self.by_name.get(name));
        let expected = known.map_or(&self.dummy, |(secret, _)| secret);
        let valid = password.same(expected) & Choice::from(u8::from(known.is_some()));
        known.filter(|_| valid.into()).map(|(_, user)| user.clone())
    }
}

/// The user name and password in the header; `None` if it has another form (Go:
/// `http.Request.BasicAuth`). The name ends at the first colon; a password may contain more.
fn name_and_password(header: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    const SCHEME: &[u8] = b"Basic ";
    let (scheme, encoded) = header.split_at_checked(SCHEME.len())?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return None;
    }
    let mut name = STANDARD.decode(encoded).ok()?;
    let colon = name.iter().position(|byte| *byte == b':')?;
    let password = name.split_off(colon).into_iter().skip(1).collect();
    Some((name, password))
}

fn parse(path: &Path, contents: &[u8]) -> Result<Users, FileError> {
    let mut by_name = HashMap::new();
    for entry in entries(path, contents, "password, user name, user uid")? {
        let Some(password) = entry.secret else {
            return Err(line_error(path, entry.line, Problem::Empty("password")));
        };
        if by_name
            .insert(entry.user.name.clone(), (password, entry.user))
            .is_some()
        {
            let file = path.display();
            tracing::warn!(%file, line = entry.line, "duplicate user, the last record is used");
        }
    }
    Ok(Users {
        by_name,
        dummy: Secret::of(b""),
    })
}
