//! `portcullis token`: the tokens with which nodes join.

mod join;
mod text;

use std::collections::BTreeMap;

use http::Method;
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::List;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::bootstrap_token::{NAMESPACE, PREFIX, SECRET_TYPE, is_id, parse};
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::Value;
use thiserror::Error;

use crate::config::token::{CreateArgs, TokenArgs, TokenCommand};
use crate::kubeconfig::client::{ApiClient, ClientError};
use crate::kubeconfig::read::{Kubeconfig, KubeconfigError};
use crate::outbound::https::Reply;

/// The group that kubeadm's tokens put nodes in.
const NODES: &str = "system:bootstrappers:kubeadm:default-node-token";
const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
/// The longest lifetime that is stored; more is never meant.
const FOR_EVER: std::time::Duration = std::time::Duration::from_secs(100 * 365 * 24 * 3600);

/// Why a command about tokens failed, in one line.
#[derive(Debug, Error)]
pub enum TokenError {
    /// The argument is not a token.
    #[error("{0:?} is not a token: 6 and 16 lower-case letters or digits, separated by a dot")]
    Malformed(String),
    /// The argument is neither a token nor the ID of one.
    #[error("{0:?} is neither a token nor the ID of one, which has 6 lower-case letters or digits")]
    MalformedId(String),
    /// The kubeconfig names no usable server.
    #[error(transparent)]
    Kubeconfig(#[from] KubeconfigError),
    /// The server cannot be reached.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The server denies the request.
    #[error("{0}")]
    Refused(String),
    /// The response cannot be parsed.
    #[error("cannot parse the server's answer: {0}")]
    Answer(#[from] serde_json::Error),
    /// Nodes cannot join.
    #[error(
        "{0} accepts no bootstrap tokens: it was started without --enable-bootstrap-token-auth"
    )]
    Off(String),
    /// The system returns no random numbers.
    #[error("the system provides no random numbers")]
    Random,
}

/// Runs a command; returns the text to print.
///
/// # Errors
/// [`TokenError`].
pub async fn run(args: &TokenArgs) -> Result<String, TokenError> {
    let config = Kubeconfig::load(args.kubeconfig.as_deref())?;
    let context = config.context(args.context.as_deref())?;
    let session = ApiClient::new(&config, context)?;
    match &args.command {
        TokenCommand::Create(create) => self::create(&session, create, Timestamp::now()).await,
        TokenCommand::List => list(&session).await,
        TokenCommand::Delete { tokens } => delete(&session, tokens).await,
    }
}

async fn create(
    session: &ApiClient,
    args: &CreateArgs,
    now: Timestamp,
) -> Result<String, TokenError> {
    let token = match &args.token {
        Some(token) => token.clone(),
        None => random()?,
    };
    let Some((id, own)) = parse(&token) else {
        return Err(TokenError::Malformed(token));
    };
    // errors about joining are reported before a token is made
    let join = match args.print_join_command {
        true => Some(join::Target::find(session).await?),
        false => None,
    };
    let body = serde_json::to_vec(&secret(id, own, args, now))?;
    read(&session.send(Method::POST, &path(""), body).await?)?;
    Ok(match join {
        Some(target) => target.command(&token),
        None => format!("{token}\n"),
    })
}

/// The secret of a token, with kubeadm's fields.
fn secret(id: &str, own: &str, args: &CreateArgs, now: Timestamp) -> Secret {
    let mut data: BTreeMap<_, _> = [
        ("token-id", id),
        ("token-secret", own),
        ("usage-bootstrap-authentication", "true"),
        ("usage-bootstrap-signing", "true"),
        ("auth-extra-groups", NODES),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect();
    if !args.description.is_empty() {
        data.insert("description".to_owned(), args.description.clone());
    }
    let lasts = Some(args.ttl).filter(|ttl| !ttl.is_zero());
    if let Some(end) = lasts.and_then(|ttl| now.checked_add(ttl.min(FOR_EVER)).ok()) {
        data.insert("expiration".to_owned(), format!("{end:.0}"));
    }
    let data = data
        .into_iter()
        .map(|(key, value)| (key, ByteString(value.into_bytes())));
    Secret {
        metadata: ObjectMeta {
            name: Some(format!("{PREFIX}{id}")),
            namespace: Some(NAMESPACE.to_owned()),
            ..ObjectMeta::default()
        },
        type_: Some(SECRET_TYPE.to_owned()),
        data: Some(data.collect()),
        ..Secret::default()
    }
}

async fn list(session: &ApiClient) -> Result<String, TokenError> {
    let tokens = format!("?fieldSelector=type%3D{}", SECRET_TYPE.replace('/', "%2F"));
    let reply = session
        .send(Method::GET, &path(&tokens), Vec::new())
        .await?;
    let secrets: List<Secret> = serde_json::from_value(read(&reply)?)?;
    Ok(text::table(&secrets.items, Timestamp::now()))
}

async fn delete(session: &ApiClient, tokens: &[String]) -> Result<String, TokenError> {
    let mut said = String::new();
    let ids = tokens.iter().map(|token| match parse(token) {
        Some((id, _)) => Ok(id),
        None if is_id(token) => Ok(token.as_str()),
        None => Err(TokenError::MalformedId(token.clone())),
    });
    for id in ids.collect::<Result<Vec<&str>, _>>()? {
        let path = path(&format!("/{PREFIX}{id}"));
        read(&session.send(Method::DELETE, &path, Vec::new()).await?)?;
        said.push_str(&format!("bootstrap token {id:?} deleted\n"));
    }
    Ok(said)
}

fn path(rest: &str) -> String {
    format!("/api/v1/namespaces/{NAMESPACE}/secrets{rest}")
}

/// The JSON of a response, unless it is an error.
fn read(reply: &Reply) -> Result<Value, TokenError> {
    let answer: Value = serde_json::from_slice(&reply.body)?;
    if reply.code < 300 {
        return Ok(answer);
    }
    let message = answer.get("message").and_then(Value::as_str);
    let unsaid = || format!("the server answers {}", reply.code);
    Err(TokenError::Refused(
        message.map_or_else(unsaid, str::to_owned),
    ))
}

/// A random token.
fn random() -> Result<String, TokenError> {
    let random = SystemRandom::new();
    let mut token = String::new();
    let mut bytes = [0_u8; 64];
    while token.len() < 23 {
        random.fill(&mut bytes).map_err(|_| TokenError::Random)?;
        // the rest of a byte's range would make the first letters likelier
        let fair = bytes.iter().filter(|byte| **byte < 252);
        for letter in fair.filter_map(|byte| ALPHABET.get(usize::from(byte % 36))) {
            match token.len() {
                23 => break,
                6 => token.push('.'),
                _ => {}
            }
            token.push(char::from(*letter));
        }
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(ttl: u64) -> CreateArgs {
        CreateArgs {
            token: None,
            ttl: std::time::Duration::from_secs(ttl),
            description: String::new(),
            print_join_command: false,
        }
    }

    #[test]
    fn random_tokens_are_tokens_and_differ() {
        let (one, other) = (random().unwrap(), random().unwrap());
        assert!(parse(&one).is_some(), "{one}");
        assert_ne!(one, other);
    }

    #[test]
    fn tokens_end_when_they_should() {
        let now = "2024-01-01T00:00:00.5Z".parse().unwrap();
        let end = |ttl| {
            let secret = secret("abcdef", "0123456789abcdef", &args(ttl), now);
            let end = secret.data.unwrap().remove("expiration");
            end.map(|end| String::from_utf8(end.0).unwrap())
        };
        assert_eq!(end(3600).unwrap(), "2024-01-01T01:00:00Z");
        assert_eq!(end(0), None);
        assert!(end(u64::MAX).unwrap().starts_with("2123-"));
    }
}
