//! Service account tokens, from their options.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis_authn::service_account::Trust;
use portcullis_authn::{KeyFile, KeyRing, Reload, SigningKeyFile};
use rcgen::KeyPair;
use url::Url;

use super::certificates::pki_dir;
use super::error::StartError;
use crate::config::Serve;
use crate::config::service_accounts::ServiceAccounts;
use crate::outbound::url::without_credentials;
use crate::pki;
use crate::tokens::{Issuer, Lifetimes};

const ISSUER: &str = "--service-account-issuer";
const SIGNING_KEY: &str = "--service-account-signing-key-file";
const KEY: &str = "--service-account-key-file";
const MAX_EXPIRATION: &str = "--service-account-max-token-expiration";
const JWKS_URI: &str = "--service-account-jwks-uri";

/// The keys and settings of service account tokens.
pub struct TokenKeys {
    /// Makes tokens.
    pub issuer: Issuer,
    /// The keys, issuers and audiences of accepted tokens.
    pub trust: Trust,
    /// How long they last.
    pub lifetimes: Lifetimes,
    /// The URL of the keys, if it is not this server's.
    pub keys_elsewhere: Option<String>,
    /// The files to read again when they change.
    pub reloads: Vec<Arc<dyn Reload>>,
}

impl TokenKeys {
    /// Validates the options and keys, before anything is made.
    ///
    /// # Errors
    /// As [`TokenKeys::load`].
    pub fn check(options: &Serve) -> Result<(), StartError> {
        let options = &options.service_accounts;
        check_issuers(&options.service_account_issuer)
            .map_err(|why| StartError::option(ISSUER, why))?;
        if options.api_audiences.iter().any(String::is_empty) {
            let why = "an audience must not be empty";
            return Err(StartError::option("--api-audiences", why));
        }
        lifetimes(options)?;
        let elsewhere = options.service_account_jwks_uri.as_deref();
        if elsewhere.is_some_and(|uri| !uri.starts_with("https://") || !is_url(uri)) {
            return Err(StartError::option(JWKS_URI, "not an https URL"));
        }
        for path in &options.service_account_key_file {
            KeyFile::load(path).map_err(|e| StartError::option(KEY, e))?;
        }
        if let Some(path) = &options.service_account_signing_key_file {
            SigningKeyFile::load(path).map_err(|e| StartError::option(SIGNING_KEY, e))?;
        }
        Ok(())
    }

    /// Reads the keys in the options; makes one in the data directory if they name none.
    ///
    /// # Errors
    /// [`StartError`], which names option and file.
    pub fn load(options: &Serve) -> Result<Self, StartError> {
        let options_of = &options.service_accounts;
        let issuers = options_of.service_account_issuer.clone();
        let name = issuers.first().cloned().unwrap_or_default();
        let (option, path) = match &options_of.service_account_signing_key_file {
            Some(path) => (SIGNING_KEY, path.clone()),
            None => ("--data-dir", own_key(&options.data_dir)?),
        };
        let at_fault = |e| StartError::option(option, e);
        let key = Arc::new(SigningKeyFile::load(&path).map_err(at_fault)?);
        // Tokens that it signs are accepted, whether or not the key is named twice.
        let mut files = vec![Arc::new(KeyFile::load(&path).map_err(at_fault)?)];
        for path in &options_of.service_account_key_file {
            let file = KeyFile::load(path).map_err(|e| StartError::option(KEY, e))?;
            files.push(Arc::new(file));
        }
        let mut reloads: Vec<Arc<dyn Reload>> = vec![];
        // The verifying keys first: nothing may be signed that is not accepted.
        reloads.extend(files.iter().map(|file| file.clone() as Arc<dyn Reload>));
        reloads.push(key.clone());
        let mut audiences = options_of.api_audiences.clone();
        if audiences.is_empty() {
            audiences.clone_from(&issuers);
        }
        Ok(Self {
            issuer: Issuer { name, key },
            trust: Trust {
                issuers,
                audiences,
                keys: Arc::new(KeyRing::new(Vec::new(), files)),
            },
            lifetimes: lifetimes(options_of)?,
            keys_elsewhere: options_of.service_account_jwks_uri.clone(),
            reloads,
        })
    }
}

/// Upstream: `completeServiceAccountOptions` in `cmd/kube-apiserver`.
fn lifetimes(options: &ServiceAccounts) -> Result<Lifetimes, StartError> {
    let seconds = options.service_account_max_token_expiration.as_secs();
    let longest = i64::try_from(seconds).unwrap_or(i64::MAX);
    if longest != 0 && !(60 * 60..=1 << 32).contains(&longest) {
        let why = "must be between 1 hour and 2^32 seconds";
        return Err(StartError::option(MAX_EXPIRATION, why));
    }
    Ok(Lifetimes {
        longest: Some(longest).filter(|longest| *longest > 0),
        extend: options.service_account_extend_token_expiration,
    })
}

/// Upstream: `BuiltInAuthenticationOptions.Validate`.
fn check_issuers(issuers: &[String]) -> Result<(), String> {
    for (at, issuer) in issuers.iter().enumerate() {
        if issuer.is_empty() {
            return Err("an issuer must not be empty".to_owned());
        }
        if issuer.contains(':') && !is_url(issuer) {
            let shown = without_credentials(issuer);
            return Err(format!("{shown:?} has a colon, but is not a URL"));
        }
        if issuers.iter().take(at).any(|earlier| earlier == issuer) {
            return Err(format!("{issuer:?} is named twice"));
        }
    }
    Ok(())
}

/// As Go's `url.Parse` sees it.
fn is_url(text: &str) -> bool {
    !text.contains(char::is_control) && Url::parse(text).is_ok()
}

/// The key in the data directory, made at the first start.
fn own_key(data_dir: &Path) -> Result<PathBuf, StartError> {
    const OPTION: &str = "--data-dir";
    let path: PathBuf = pki_dir(data_dir).join("sa.key");
    if !path.exists() {
        let key = KeyPair::generate().map_err(|e| StartError::option(OPTION, e))?;
        pki::write(&path, key.serialize_pem().as_bytes(), 0o600)
            .map_err(|e| StartError::option(OPTION, e))?;
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuers_are_names_or_urls() {
        let check = |issuers: &[&str]| {
            let issuers: Vec<_> = issuers.iter().map(|i| (*i).to_owned()).collect();
            check_issuers(&issuers)
        };
        for good in ["me", "https://a", "https://a:1/b?c", "urn:a:b", "a:b"] {
            assert_eq!(check(&[good]), Ok(()), "{good}");
        }
        for (bad, why) in [
            (&["https://a", ""][..], "empty"),
            (&["1:b"], "not a URL"),
            (&["https://a b"], "not a URL"),
            (&["https://[::1"], "not a URL"),
            (&["https://a:port"], "not a URL"),
            (&["https://a\nb"], "not a URL"),
            (
                &["https://me:secret@a:port"],
                "\"https://…@a:port\" has a colon",
            ),
            (&["me", "you", "me"], "\"me\" is named twice"),
        ] {
            let error = check(bad).unwrap_err();
            assert!(error.contains(why), "{bad:?}: {error}");
        }
    }
}
