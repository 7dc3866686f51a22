//! `portcullis why`: asks a server why a request is answered as it is, and tells people.

mod target;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method};
use serde_json::Value;
use thiserror::Error;

use self::target::Target;
use crate::config::{WhyArgs, WhyOutput};
use crate::endpoints::body;
use crate::explain::{Explanation, PATH, Question, text};
use crate::kubeconfig::read::{Context, Credentials, Kubeconfig, KubeconfigError};
use crate::outbound::https::{ClientCertificate, HttpsClient, HttpsError, Reply};
use crate::outbound::url::without_credentials;

/// Why there is no explanation, in one line.
#[derive(Debug, Error)]
pub enum WhyError {
    /// An argument makes no sense, or not together with another.
    #[error("{argument} {value:?}: {why}")]
    Argument {
        /// Its name, as the usage has it.
        argument: &'static str,
        /// What is given.
        value: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// No server, or no credentials, to be had of the kubeconfig.
    #[error(transparent)]
    Kubeconfig(#[from] KubeconfigError),
    /// The manifest cannot be read.
    #[error("--filename {}: {why}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
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
    /// The server does not explain.
    #[error("{0} explains nothing: it was started without --explain-decisions")]
    Off(String),
    /// The server refuses to explain.
    #[error("the server refuses to explain: {0}")]
    Refused(String),
    /// The answer is no explanation.
    #[error("the server's answer cannot be read: {0}")]
    Answer(#[from] serde_json::Error),
}

/// The explanation that arguments ask for, as text or JSON.
///
/// # Errors
/// [`WhyError`].
pub async fn explanation(args: &WhyArgs) -> Result<String, WhyError> {
    let target = target::of(args)?;
    let config = Kubeconfig::load(args.kubeconfig.as_deref())?;
    let context = config.context(args.context.as_deref())?;
    let asker = config.credentials(&context.user)?;
    let subject = args.user.as_deref().unwrap_or(&context.user);
    let question = question(args, target, context, &config.credentials(subject)?)?;
    let server = config.server(context)?;
    let at_fault = |source| WhyError::Server {
        server: without_credentials(&server.url),
        source,
    };
    let identity = asker
        .certificate
        .as_ref()
        .map(|(certificate, key)| ClientCertificate { certificate, key });
    let client = HttpsClient::trusting(&server.authority, identity.as_ref()).map_err(at_fault)?;
    let url = format!("{}{PATH}", server.url.trim_end_matches('/'));
    let headers = headers(&context.user, &asker)?;
    let body = serde_json::to_vec(&question)?;
    let reply = client.send(Method::POST, &url, headers, body).await;
    let explanation = read(&without_credentials(&server.url), &reply.map_err(at_fault)?)?;
    match args.output {
        WhyOutput::Text => Ok(text::render(&explanation)),
        WhyOutput::Json => Ok(format!("{}\n", serde_json::to_string_pretty(&explanation)?)),
    }
}

fn read(server: &str, reply: &Reply) -> Result<Explanation, WhyError> {
    match reply.code {
        200 => Ok(serde_json::from_slice(&reply.body)?),
        404 | 405 => Err(WhyError::Off(server.to_owned())),
        _ => {
            let status: Value = serde_json::from_slice(&reply.body)?;
            let message = status.get("message").and_then(Value::as_str);
            Err(WhyError::Refused(message.unwrap_or_default().to_owned()))
        }
    }
}

fn headers(user: &str, credentials: &Credentials) -> Result<HeaderMap, WhyError> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(authorization) = &credentials.authorization {
        let value = HeaderValue::from_str(authorization);
        let mut value = value.map_err(|_| WhyError::Credentials(user.to_owned()))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

fn question(
    args: &WhyArgs,
    target: Target,
    context: &Context,
    credentials: &Credentials,
) -> Result<Question, WhyError> {
    let object = args.filename.as_deref().map(manifest).transpose()?;
    let given = args.namespace.clone().unwrap_or_default();
    let namespace = match (given.is_empty(), context.namespace.is_empty()) {
        (false, _) => given,
        (true, false) => context.namespace.clone(),
        (true, true) => "default".to_owned(),
    };
    Ok(Question {
        headers: shown(args, credentials),
        certificates: credentials
            .certificate
            .as_ref()
            .map_or_else(String::new, |(certificate, _)| {
                String::from_utf8_lossy(certificate).into_owned()
            }),
        verb: args.verb.clone(),
        namespace: if target.path.is_empty() {
            namespace
        } else {
            String::new()
        },
        resource: target.resource,
        subresource: target.subresource,
        name: target.name,
        path: target.path,
        object,
    })
}

/// The headers by which the request would say who makes it.
fn shown(args: &WhyArgs, credentials: &Credentials) -> BTreeMap<String, Vec<String>> {
    let one = |value: &Option<String>| value.iter().cloned().collect::<Vec<_>>();
    let headers = [
        ("authorization", one(&credentials.authorization)),
        ("impersonate-user", one(&args.act_as)),
        ("impersonate-group", args.act_as_group.clone()),
        ("impersonate-uid", one(&args.act_as_uid)),
    ];
    let said = headers.into_iter().filter(|(_, values)| !values.is_empty());
    said.map(|(name, values)| (name.to_owned(), values))
        .collect()
}

/// A manifest, in YAML or JSON.
fn manifest(path: &Path) -> Result<Value, WhyError> {
    let wrong = |why: &dyn std::fmt::Display| WhyError::Manifest {
        path: path.to_owned(),
        why: why.to_string(),
    };
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        let read = std::io::stdin().lock().read_to_end(&mut bytes);
        read.map_err(|e| wrong(&e))?;
    } else {
        bytes = std::fs::read(path).map_err(|e| wrong(&e))?;
    }
    body::yaml(&bytes).map_err(|e| wrong(&e))
}
