//! Who are you?

use http::HeaderMap;
use portcullis_api::{Status, UserInfo};
use portcullis_authn::{Credentials, Outcome};

use super::Peer;
use crate::app::App;

/// Decides who makes a request.
///
/// # Errors
/// 401, which does not say why: that is for the log.
pub async fn authenticate(app: &App, headers: &HeaderMap, peer: &Peer) -> Result<UserInfo, Status> {
    let credentials = Credentials {
        headers,
        peer_certificates: &peer.certificates,
        trace: None,
    };
    match app.authenticator().authenticate(&credentials).await {
        Ok(Outcome::Identified(user)) => Ok(user),
        Ok(Outcome::NotMine) => Err(Status::unauthorized()),
        Err(error) => {
            // Anybody can cause it, as often as they like.
            tracing::debug!(%error, "authentication failed");
            Err(Status::unauthorized())
        }
    }
}
