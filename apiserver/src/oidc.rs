//! The `OpenID` issuer that options name, asked over HTTPS.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use http::{HeaderMap, Method};
use portcullis_authn::oidc::{Fetch, FetchError, OidcOptions, OidcTokens};
use portcullis_authn::{FileError, Reloading};

use crate::app::StartError;
use crate::config::oidc::Oidc;
use crate::files::{self, Watched};
use crate::https::HttpsClient;

const ISSUER: &str = "--oidc-issuer-url";
const CA: &str = "--oidc-ca-file";

/// Where systems keep the authorities they trust, in the order of looking (Go:
/// `crypto/x509/root_linux.go`).
const SYSTEM: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Asks servers that the authorities of a file vouch for.
struct Trusting(Arc<Reloading<HttpsClient>>);

/// The authenticator that options ask for, if they do, and the file to read again when it changes.
///
/// # Errors
/// [`StartError`], which names option and file.
pub fn load(options: &Oidc) -> Result<Option<(OidcTokens, Watched)>, StartError> {
    let (Some(issuer_url), Some(client_id)) = (&options.oidc_issuer_url, &options.oidc_client_id)
    else {
        return Ok(None);
    };
    let is_url = issuer_url.parse::<http::Uri>().is_ok_and(|url| {
        url.scheme_str() == Some("https") && url.host().is_some() && url.query().is_none()
    });
    if !is_url {
        let why = format!("{issuer_url:?} is no https URL");
        return Err(StartError::option(ISSUER, why));
    }
    let (option, path) = match &options.oidc_ca_file {
        Some(path) => (CA, path.clone()),
        None => (ISSUER, system_authorities()?),
    };
    let trusting = Reloading::load(&path, client).map_err(|e| StartError::option(option, e))?;
    let trusting = Arc::new(trusting);
    let tokens = OidcTokens::new(
        OidcOptions {
            issuer_url: issuer_url.clone(),
            client_id: client_id.clone(),
            username_claim: options.oidc_username_claim.clone(),
            username_prefix: options.oidc_username_prefix.clone(),
            groups_claim: options.oidc_groups_claim.clone(),
            groups_prefix: options.oidc_groups_prefix.clone(),
            signing_algs: options.oidc_signing_algs.clone(),
            required_claims: options.oidc_required_claim.iter().cloned().collect(),
        },
        Arc::new(Trusting(trusting.clone())),
    );
    Ok(Some((tokens, trusting)))
}

fn system_authorities() -> Result<PathBuf, StartError> {
    let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let known = SYSTEM.iter().map(PathBuf::from);
    named
        .into_iter()
        .chain(known)
        .find(|path| path.exists())
        .ok_or_else(|| {
            StartError::option(
                ISSUER,
                "the system has no list of authorities: name one with --oidc-ca-file",
            )
        })
}

fn client(path: &Path, contents: &[u8]) -> Result<HttpsClient, FileError> {
    HttpsClient::trusting(contents, None).map_err(|e| files::unusable(path, &e))
}

#[async_trait]
impl Fetch for Trusting {
    async fn get(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        let client = self.0.current();
        let reply = client.send(Method::GET, url, HeaderMap::new(), "").await;
        match reply {
            Ok(reply) if reply.code == 200 => Ok(reply.body.to_vec()),
            Ok(reply) => Err(FetchError(format!("{url} answers {}", reply.code))),
            Err(error) => Err(FetchError(format!("{url}: {error}"))),
        }
    }
}
