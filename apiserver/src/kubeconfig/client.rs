//! A client for the server of a kubeconfig, as one of its users.

use axum::body::Body;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, Request};
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use super::read::{Context, Credentials, Kubeconfig, KubeconfigError, Server};
use crate::outbound::https::{self, ClientCertificate, HttpsClient, HttpsError, Reply};
use crate::outbound::url::without_credentials;

/// The page size of a list.
const PAGE: usize = 500;

/// Why a request has no usable response.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The kubeconfig has no usable server or credentials.
    #[error(transparent)]
    Kubeconfig(#[from] KubeconfigError),
    /// The credentials are not valid in a header.
    #[error("the credentials of the user {0:?} are not valid in a header")]
    Credentials(String),
    /// The server cannot be reached.
    #[error("{server}: {source}")]
    Server {
        /// Its address.
        server: String,
        /// Why.
        source: HttpsError,
    },
    /// The server returned an error, with the message of its Status.
    #[error("{message}")]
    Refused {
        /// The status code.
        code: u16,
        /// Why.
        message: String,
    },
    /// The response is not the expected object.
    #[error("cannot parse the server's answer: {0}")]
    Answer(#[from] serde_json::Error),
}

/// A client of one server.
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
        Self::of(&config.server(context)?, &context.user, &credentials)
    }

    /// A client for a server, with credentials of a user.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn of(server: &Server, user: &str, credentials: &Credentials) -> Result<Self, ClientError> {
        let identity = credentials
            .certificate
            .as_ref()
            .map(|(certificate, key)| ClientCertificate { certificate, key });
        let tls = match (server.is_insecure, server.authority.as_slice()) {
            (true, _) => https::trusting_anyone(identity.as_ref()),
            (false, []) => https::trusting_system(identity.as_ref()),
            (false, authority) => https::trusting(authority, identity.as_ref()),
        };
        let https = tls
            .map(HttpsClient::new)
            .map_err(|source| ClientError::Server {
                server: without_credentials(&server.url),
                source,
            })?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(authorization) = &credentials.authorization {
            let value = HeaderValue::from_str(authorization);
            let mut value = value.map_err(|_| ClientError::Credentials(user.to_owned()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Self {
            https,
            url: server.url.trim_end_matches('/').to_owned(),
            headers,
        })
    }

    /// The server's address, without credentials.
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

    /// The objects of the collection at a path, page by page.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, ClientError> {
        Ok(self.list_at(path).await?.0)
    }

    /// The objects of the collection at a path, and the resource version they are of.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn list_at<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<(Vec<T>, String), ClientError> {
        let mut items = Vec::new();
        let mut page = format!("{path}?limit={PAGE}");
        loop {
            let mut list: Value = self.get(&page).await?;
            let found = list["items"].take();
            if !found.is_null() {
                items.extend(serde_json::from_value::<Vec<T>>(found)?);
            }
            let text = |field: &str| list["metadata"][field].as_str().unwrap_or_default();
            if text("continue").is_empty() {
                return Ok((items, text("resourceVersion").to_owned()));
            }
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("continue", text("continue"));
            page = format!("{path}?limit={PAGE}&{}", query.finish());
        }
    }

    /// The body of a GET as a stream, such as the events of a watch.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn open(&self, path: &str) -> Result<Body, ClientError> {
        let mut request = Request::new(Bytes::new());
        *request.headers_mut() = self.headers.clone();
        let at_fault = |source| ClientError::Server {
            server: self.server(),
            source,
        };
        let url = format!("{}{path}", self.url);
        let uri = url.parse();
        *request.uri_mut() = uri.map_err(|_| at_fault(HttpsError::Url(url)))?;
        let answer = self.https.open(request).await.map_err(at_fault)?;
        match answer.status().as_u16() {
            200 => Ok(answer.into_body()),
            code => Err(ClientError::Refused {
                code,
                message: format!("the server answers {code}"),
            }),
        }
    }
}

/// The message of a Status, or a text that replaces it.
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
