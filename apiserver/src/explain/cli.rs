//! `portcullis why`: asks a server for an explanation, and prints it.

mod target;

use std::collections::BTreeMap;
use std::path::PathBuf;

use http::Method;
use serde_json::Value;
use thiserror::Error;

use self::target::Target;
use crate::config::{WhyArgs, WhyOutput};
use crate::explain::{Explanation, PATH, Question, manifest, text};
use crate::kubeconfig::client::{self, ApiClient, ClientError};
use crate::kubeconfig::read::{Context, Credentials, Kubeconfig, KubeconfigError};
use crate::outbound::https::Reply;

/// Why there is no explanation, in one line.
#[derive(Debug, Error)]
pub enum WhyError {
    /// An argument is invalid, or contradicts another one.
    #[error("{argument} {value:?}: {why}")]
    Argument {
        /// Its name, as in the usage.
        argument: &'static str,
        /// Its value.
        value: String,
        /// Why it is invalid.
        why: &'static str,
    },
    /// The kubeconfig has no usable server or credentials, or the server does not respond.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The manifest cannot be read.
    #[error("--filename {}: {why}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The server does not give explanations.
    #[error("{0} does not explain requests: it was started without --explain-decisions")]
    Off(String),
    /// The server rejects the question.
    #[error("the server refuses to explain: {0}")]
    Refused(String),
    /// The response is not an explanation.
    #[error("cannot parse the server's answer: {0}")]
    Answer(#[from] serde_json::Error),
}

impl From<KubeconfigError> for WhyError {
    fn from(error: KubeconfigError) -> Self {
        Self::Client(error.into())
    }
}

/// The explanation for the arguments, as text or JSON.
///
/// # Errors
/// [`WhyError`].
pub async fn explanation(args: &WhyArgs) -> Result<String, WhyError> {
    let target = target::of(args)?;
    let config = Kubeconfig::load(args.kubeconfig.as_deref())?;
    let context = config.context(args.context.as_deref())?;
    let subject = args.user.as_deref().unwrap_or(&context.user);
    let question = question(args, target, context, &config.credentials(subject)?);
    let client = ApiClient::new(&config, context)?;
    let mut explanations = Vec::new();
    for object in objects(args)? {
        let question = Question {
            object,
            ..question.clone()
        };
        let body = serde_json::to_vec(&question)?;
        let reply = client.send(Method::POST, PATH, body).await?;
        explanations.push(read(client.server(), &reply)?);
    }
    rendered(&explanations, args.output)
}

/// The objects of the file, each for a question of its own; one question without an object if there is no file.
fn objects(args: &WhyArgs) -> Result<Vec<Option<Value>>, WhyError> {
    let Some(path) = args.filename.as_deref() else {
        return Ok(vec![None]);
    };
    let objects = manifest::read(path).map_err(|why| WhyError::Manifest {
        path: path.to_owned(),
        why,
    })?;
    Ok(objects.into_iter().map(Some).collect())
}

/// The explanations, one after another; in JSON several are an array.
fn rendered(explanations: &[Explanation], output: WhyOutput) -> Result<String, WhyError> {
    if output == WhyOutput::Text {
        let texts: Vec<_> = explanations.iter().map(text::render).collect();
        return Ok(texts.join("\n---\n\n"));
    }
    let json = match explanations {
        [only] => serde_json::to_string_pretty(only)?,
        several => serde_json::to_string_pretty(several)?,
    };
    Ok(format!("{json}\n"))
}

fn read(server: String, reply: &Reply) -> Result<Explanation, WhyError> {
    match reply.code {
        200 => Ok(serde_json::from_slice(&reply.body)?),
        404 | 405 => Err(WhyError::Off(server)),
        _ => Err(WhyError::Refused(client::message(reply))),
    }
}

fn question(
    args: &WhyArgs,
    target: Target,
    context: &Context,
    credentials: &Credentials,
) -> Question {
    let namespace = context.namespace(args.namespace.as_deref());
    Question {
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
        object: None,
        call_webhooks: args.call_webhooks,
    }
}

/// The headers that identify the request's user.
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
