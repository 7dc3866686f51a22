//! Authentication of a request.

use http::HeaderMap;
use portcullis_api::{Status, UserInfo};
use portcullis_authn::{Authenticator, Credentials, Outcome};
use rustls_pki_types::CertificateDer;

/// Identifies the user who makes a request.
///
/// # Errors
/// 401, which does not say why: the reason is logged only.
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
            // Any client can cause it, as often as it likes.
            tracing::debug!(%error, "authentication failed");
            Err(Status::unauthorized())
        }
    }
}
