//! Users that a front proxy names in headers (`--requestheader-*`).
//!
//! Upstream: `pkg/authentication/request/headerrequest`, behind a verifier of `request/x509`.

mod headers;

use std::path::Path;

use async_trait::async_trait;

use crate::reload::{FileError, Reload};
use crate::{Authenticator, ClientCertificates, Credentials, Error, Outcome};

pub use headers::RequestHeaders;

/// Identifies the user that a front proxy names, if its client certificate proves it to be one.
#[derive(Debug)]
pub struct FrontProxies {
    certificates: ClientCertificates,
    allowed_names: Vec<String>,
    headers: RequestHeaders,
}

impl FrontProxies {
    /// Accepts certificates that a CA of the PEM bundle at `path` has signed, with one of the common
    /// names; without names, any.
    ///
    /// # Errors
    /// [`FileError`], if it is not a bundle of valid certificates.
    pub fn load(
        path: &Path,
        allowed_names: Vec<String>,
        headers: RequestHeaders,
    ) -> Result<Self, FileError> {
        Ok(Self {
            certificates: ClientCertificates::load(path)?,
            allowed_names,
            headers,
        })
    }
}

#[async_trait]
impl Authenticator for FrontProxies {
    async fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Outcome, Error> {
        if credentials.peer_certificates.is_empty() {
            return Ok(Outcome::NotMine);
        }
        let name = match self.certificates.authenticate(credentials).await? {
            Outcome::Identified(proxy) => proxy.name,
            Outcome::NotMine => String::new(),
        };
        if !self.allowed_names.is_empty() && !self.allowed_names.contains(&name) {
            let why = format!("x509: subject with cn={name} is not in the allowed list");
            return Err(Error::FrontProxy(why));
        }
        let user = self.headers.user(credentials.headers)?;
        Ok(user.map_or(Outcome::NotMine, Outcome::Identified))
    }
}

impl Reload for FrontProxies {
    fn path(&self) -> &Path {
        self.certificates.path()
    }

    fn reload(&self) -> Result<bool, FileError> {
        self.certificates.reload()
    }
}

#[cfg(test)]
mod tests;
