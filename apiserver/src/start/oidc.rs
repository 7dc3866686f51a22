//! The `OpenID` issuer in the options, reached over HTTPS.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method};
use portcullis_authn::oidc::{Fetch, FetchError, OidcOptions, OidcTokens};
use portcullis_authn::{Algorithm, FileError, Reloading};

use crate::config::oidc::Oidc;
use crate::files::{self, Watched};
use crate::outbound::https::{self, HttpsClient};
use crate::outbound::url::{self, has_credentials, without_credentials};
use crate::start::StartError;

const ISSUER: &str = "--oidc-issuer-url";
const CLIENT: &str = "--oidc-client-id";
const USERNAME: &str = "--oidc-username-claim";
const CA: &str = "--oidc-ca-file";

/// A client that accepts servers by the authorities of a file.
struct Trusting(Arc<Reloading<HttpsClient>>);

/// The authenticator, if options ask for one, and the file to read again when it changes.
///
/// # Errors
/// [`StartError`], which names option and file.
pub fn load(options: &Oidc) -> Result<Option<(OidcTokens, Watched)>, StartError> {
    let Some((issuer_url, client_id)) = named(options)? else {
        return Ok(None);
    };
    check_issuer(issuer_url).map_err(|why| {
        let url = without_credentials(issuer_url);
        StartError::option(ISSUER, format!("{url:?} {why}"))
    })?;
    let username_claim = options.oidc_username_claim.as_deref().unwrap_or("sub");
    if username_claim.is_empty() {
        return Err(StartError::option(USERNAME, "a claim must be named"));
    }
    let (option, path) = match &options.oidc_ca_file {
        Some(path) => (CA, path.clone()),
        None => (ISSUER, system_authorities()?),
    };
    let trusting = Reloading::load(&path, client).map_err(|e| StartError::option(option, e))?;
    let trusting = Arc::new(trusting);
    let tokens = OidcTokens::new(
        OidcOptions {
            issuer_url: issuer_url.to_owned(),
            client_id: client_id.to_owned(),
            username_claim: username_claim.to_owned(),
            username_prefix: options.oidc_username_prefix.clone(),
            groups_claim: options.oidc_groups_claim.clone().filter(|c| !c.is_empty()),
            groups_prefix: options.oidc_groups_prefix.clone().unwrap_or_default(),
            signing_algs: match options.oidc_signing_algs.as_slice() {
                [] => vec![Algorithm::RS256],
                given => given.to_vec(),
            },
            required_claims: options.oidc_required_claim.iter().cloned().collect(),
        },
        Arc::new(Trusting(trusting.clone())),
    );
    Ok(Some((tokens, trusting)))
}

/// Issuer and client, if they are named; an empty name counts as missing.
fn named(options: &Oidc) -> Result<Option<(&str, &str)>, StartError> {
    let issuer = options.oidc_issuer_url.as_deref().unwrap_or_default();
    let client = options.oidc_client_id.as_deref().unwrap_or_default();
    let alone = |option, other| StartError::option(option, format!("empty, but {other} is not"));
    match (issuer, client) {
        ("", "") => Ok(None),
        ("", _) => Err(alone(ISSUER, CLIENT)),
        (_, "") => Err(alone(CLIENT, ISSUER)),
        both => Ok(Some(both)),
    }
}

/// Upstream: `oidc.New`, and the checks of `validateIssuerURL` in later versions: the URL becomes a part of
/// user names.
fn check_issuer(url: &str) -> Result<(), &'static str> {
    if has_credentials(url) {
        return Err("must not contain credentials");
    }
    let url = url::https(url).ok_or("is not an https URL")?;
    if url.fragment().is_some() {
        return Err("must not have a fragment");
    }
    if url.query().is_some() {
        return Err("must not have a query");
    }
    Ok(())
}

fn system_authorities() -> Result<PathBuf, StartError> {
    let none = "the system has no list of authorities: name one with --oidc-ca-file";
    https::system_authorities().ok_or_else(|| StartError::option(ISSUER, none))
}

fn client(path: &Path, contents: &[u8]) -> Result<HttpsClient, FileError> {
    HttpsClient::trusting(contents, None).map_err(|e| files::unusable(path, &e))
}

#[async_trait]
impl Fetch for Trusting {
    async fn get(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        Asking((*self.0.current()).clone()).get(url).await
    }

    async fn get_as(&self, url: &str, token: &str) -> Result<Vec<u8>, FetchError> {
        Asking((*self.0.current()).clone()).get_as(url, token).await
    }
}

/// Asks servers over HTTPS.
pub(super) struct Asking(pub(super) HttpsClient);

#[async_trait]
impl Fetch for Asking {
    async fn get(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        self.fetch(url, HeaderMap::new(), |code| code == 200).await
    }

    async fn get_as(&self, url: &str, token: &str) -> Result<Vec<u8>, FetchError> {
        let mut headers = HeaderMap::new();
        if !token.is_empty() {
            let value = HeaderValue::from_str(&format!("Bearer {token}"));
            let invalid = |_| FetchError("the access token is not valid in a header".to_owned());
            let mut value = value.map_err(invalid)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        self.fetch(url, headers, |code| (200..=226).contains(&code))
            .await
    }
}

impl Asking {
    async fn fetch(
        &self,
        url: &str,
        headers: HeaderMap,
        accepts: impl Fn(u16) -> bool + Send,
    ) -> Result<Vec<u8>, FetchError> {
        // an issuer may say anything of where its keys are
        let shown = without_credentials(url);
        let reply = self.0.send(Method::GET, url, headers, "").await;
        match reply {
            Ok(reply) if accepts(reply.code) => Ok(reply.body.to_vec()),
            Ok(reply) => Err(FetchError(format!("{shown} answers {}", reply.code))),
            Err(error) => Err(FetchError(format!("{shown}: {error}"))),
        }
    }
}
