//! Who makes a request.

use http::HeaderMap;
use portcullis_api::{Status, UserInfo};
use portcullis_authn::{Authenticator, Credentials, Outcome};
use rustls_pki_types::CertificateDer;

/// Identifies the user who makes a request.
///
/// # Errors
/// 401, which does not say why: that is for the log.
pub async fn authenticate(
    authenticator: &dyn Authenticator,
    path: &str,
    headers: &HeaderMap,
    certificates: &[CertificateDer<'static>],
) -> Result<UserInfo, Status> {
    let credentials = Credentials {
        path,
        headers,
        peer_certificates: certificates,
        trace: None,
    };
    match authenticator.authenticate(&credentials).await {
        Ok(Outcome::Identified(user)) => Ok(user),
        Ok(Outcome::NotMine) => Err(Status::unauthorized()),
        Err(error) => {
            // Anybody can cause it, as often as they like.
            tracing::debug!(%error, "authentication failed");
            Err(Status::unauthorized())
        }
    }
}
