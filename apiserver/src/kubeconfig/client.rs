//! A client of the server that a kubeconfig names, as one of its users.

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method};
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use super::read::{Context, Kubeconfig, KubeconfigError};
use crate::outbound::https::{ClientCertificate, HttpsClient, HttpsError, Reply};
use crate::outbound::url::without_credentials;

/// How many objects a list is read by at a time.
const PAGE: usize = 500;

/// Why a server cannot be asked, or does not say what was asked for.
#[derive(Debug, Error)]
pub enum ClientError {
    /// No server, or no credentials, to be had of the kubeconfig.
    #[error(transparent)]
    Kubeconfig(#[from] KubeconfigError),
    /// The credentials cannot be sent.
    #[error("the credentials of the user {0:?} cannot stand in a header")]
    Credentials(String),
    /// The server cannot be asked.
    #[error("{server}: {source}")]
    Server {
        /// Its address.
        server: String,
        /// Why not.
        source: HttpsError,
    },
    /// The server says no, with the message of its Status.
    #[error("{message}")]
    Refused {
        /// The status code.
        code: u16,
        /// Why.
        message: String,
    },
    /// The answer is not what was asked for.
    #[error("the server's answer cannot be read: {0}")]
    Answer(#[from] serde_json::Error),
}

/// Asks a server.
pub struct ApiClient {
    https: HttpsClient,
    url: String,
    headers: HeaderMap,
}

impl ApiClient {
    /// A client for a context's server, as the context's user.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn new(config: &Kubeconfig, context: &Context) -> Result<Self, ClientError> {
        let credentials = config.credentials(&context.user)?;
        let server = config.server(context)?;
        let identity = credentials
            .certificate
            .as_ref()
            .map(|(certificate, key)| ClientCertificate { certificate, key });
        let https = HttpsClient::trusting(&server.authority, identity.as_ref());
        let https = https.map_err(|source| ClientError::Server {
            server: without_credentials(&server.url),
            source,
        })?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(authorization) = &credentials.authorization {
            let value = HeaderValue::from_str(authorization);
            let mut value = value.map_err(|_| ClientError::Credentials(context.user.clone()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Self {
            https,
            url: server.url.trim_end_matches('/').to_owned(),
            headers,
        })
    }

    /// The server's address, as it may be shown.
    pub fn server(&self) -> String {
        without_credentials(&self.url)
    }

    /// Sends a request to a path.
    ///
    /// # Errors
    /// [`ClientError::Server`]; a status code is never one.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Reply, ClientError> {
        let url = format!("{}{path}", self.url);
        let reply = self.https.send(method, &url, self.headers.clone(), body);
        reply.await.map_err(|source| ClientError::Server {
            server: self.server(),
            source,
        })
    }

    /// The object at a path.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let reply = self.send(Method::GET, path, Vec::new()).await?;
        match reply.code {
            200 => Ok(serde_json::from_slice(&reply.body)?),
            code => Err(ClientError::Refused {
                code,
                message: message(&reply),
            }),
        }
    }

    /// The objects of the collection at a path, which may have a query, page by page.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, ClientError> {
        let mut items = Vec::new();
        let join = if path.contains('?') { '&' } else { '?' };
        let mut page = format!("{path}{join}limit={PAGE}");
        loop {
            let mut list: Value = self.get(&page).await?;
            let found = list["items"].take();
            if !found.is_null() {
                items.extend(serde_json::from_value::<Vec<T>>(found)?);
            }
            match list["metadata"]["continue"].as_str() {
                None | Some("") => return Ok(items),
                Some(next) => {
                    let mut query = form_urlencoded::Serializer::new(String::new());
                    query.append_pair("continue", next);
                    page = format!("{path}{join}limit={PAGE}&{}", query.finish());
                }
            }
        }
    }
}

/// The message of a Status, or else what there is instead.
pub fn message(reply: &Reply) -> String {
    let status: Option<Value> = serde_json::from_slice(&reply.body).ok();
    let message = status
        .as_ref()
        .and_then(|status| status["message"].as_str());
    message.map_or_else(
        || format!("the server answers {}", reply.code),
        str::to_owned,
    )
}
