//! Health checks of other servers: for `portcullis healthcheck`, as an image `FROM scratch` has no other
//! client, and for component statuses.

use http::{HeaderMap, Method};

use crate::outbound::https::{self, HttpsClient, HttpsError};

/// The status code of a server's `/readyz`. One of these authorities, as PEM, must have signed its
/// certificate; if none are given it is not verified.
///
/// # Errors
/// Why there is no response.
pub async fn readyz(server: &str, authorities: Option<&[u8]>) -> Result<u16, HttpsError> {
    let url = format!("{}/readyz", server.trim_end_matches('/'));
    match authorities {
        Some(authorities) => ask(&HttpsClient::trusting(authorities, None)?, &url).await,
        None => status_of(&url).await,
    }
}

/// The status code of a response; the certificate is not verified.
///
/// # Errors
/// Why there is none.
pub async fn status_of(url: &str) -> Result<u16, HttpsError> {
    ask(&any_server()?, url).await
}

async fn ask(client: &HttpsClient, url: &str) -> Result<u16, HttpsError> {
    let reply = client.send(Method::GET, url, HeaderMap::new(), "").await?;
    Ok(reply.code)
}

fn any_server() -> Result<HttpsClient, HttpsError> {
    Ok(HttpsClient::new(https::trusting_anyone(None)?))
}
