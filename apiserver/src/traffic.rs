//! `portcullis why connect` and `why reach`: which pods may connect to which, and by which network policy.
//!
//! Pods, namespaces, policies and services are read from any API server with the caller's credentials;
//! `portcullis_netpol` evaluates them in this program, so the server needs no support for it.

mod connect;
mod dot;
mod parties;
mod picture;
mod policies;
mod reach;
mod snapshot;
mod svg;
mod text;
mod words;

use std::path::PathBuf;

use thiserror::Error;

use self::connect::Answer;
use self::parties::{Party, PartyError, Question};
use self::picture::Picture;
use self::snapshot::{Scope, Snapshot};
use crate::config::WhyOutput;
use crate::config::why::{ConnectArgs, ReachArgs, ReachOutput, Source};
use crate::kubeconfig::client::{ApiClient, ClientError};
use crate::kubeconfig::read::{Kubeconfig, KubeconfigError};
use portcullis_netpol::Name;
use portcullis_netpol::service::ServiceError;

/// Why a question has no answer, in one line.
#[derive(Debug, Error)]
pub enum TrafficError {
    /// An argument is invalid.
    #[error(transparent)]
    Argument(#[from] PartyError),
    /// The server cannot be reached, or denies a request.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A policy to be tried is invalid.
    #[error("--policy {}: {why}", path.display())]
    Policy {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// An object in the question does not exist.
    #[error("{what} {:?} not found in the namespace {:?}", name.name, name.namespace)]
    NotFound {
        /// `pods` or `services`.
        what: &'static str,
        /// Its name.
        name: Name,
    },
    /// A namespace does not exist.
    #[error("namespaces {0:?} not found")]
    NoNamespace(String),
    /// A pod has no port of that name.
    #[error("pod {:?} has no port of {protocol} that is called {port:?}", pod.name)]
    NoPort {
        /// The pod.
        pod: Name,
        /// The port's name.
        port: String,
        /// Its protocol.
        protocol: portcullis_netpol::Protocol,
    },
    /// A service has no usable endpoint.
    #[error("service {:?}: {why}", service.name)]
    Service {
        /// The service.
        service: Name,
        /// Why.
        why: ServiceError,
    },
}

impl From<KubeconfigError> for TrafficError {
    fn from(error: KubeconfigError) -> Self {
        Self::Client(error.into())
    }
}

/// The client and the namespace for the arguments.
fn source(source: &Source) -> Result<(ApiClient, String), TrafficError> {
    let config = Kubeconfig::load(source.kubeconfig.as_deref())?;
    let context = config.context(source.context.as_deref())?;
    let namespace = context.namespace(source.namespace.as_deref());
    Ok((ApiClient::new(&config, context)?, namespace))
}

/// Whether one end may connect to another, and why.
///
/// # Errors
/// [`TrafficError`].
pub async fn connect(args: &ConnectArgs) -> Result<String, TrafficError> {
    let (client, namespace) = source(&args.source)?;
    let question = Question::of(args, &namespace)?;
    let policies = policies::read(&args.source.policy, &namespace)?;
    let scope = Scope::of(&question);
    let services = !matches!(question.to, Party::Pod(_));
    let mut snapshot = Snapshot::read(&client, &scope, services).await?;
    if scope != Scope::All && snapshot.has_strangers(&question)? {
        snapshot = Snapshot::read(&client, &Scope::All, services).await?;
    }
    let now = connect::state(&snapshot, &question)?;
    let with = if policies.is_empty() {
        None
    } else {
        Some(connect::state(&snapshot.with(&policies), &question)?)
    };
    let answer = Answer {
        request: question.to_string(),
        now,
        with_policies: with,
    };
    Ok(match args.output {
        WhyOutput::Text => text::connect(&answer),
        WhyOutput::Json => json(&answer)?,
    })
}

/// Who may connect to a pod, or to each pod of a namespace.
///
/// # Errors
/// [`TrafficError`].
pub async fn reach(args: &ReachArgs) -> Result<String, TrafficError> {
    let (client, namespace) = source(&args.source)?;
    let target = parties::target(&args.to, &namespace)?;
    let policies = policies::read(&args.source.policy, &namespace)?;
    let snapshot = Snapshot::read(&client, &Scope::All, false).await?;
    if !snapshot.cluster.has_namespace(&namespace) {
        return Err(TrafficError::NoNamespace(namespace));
    }
    let now = reach::answers(&snapshot.cluster, &namespace, target.as_ref())?;
    let answers = if policies.is_empty() {
        now
    } else {
        let cluster = snapshot.with(&policies).cluster;
        let with = reach::answers(&cluster, &namespace, target.as_ref())?;
        reach::compared(now, with)
    };
    Ok(match args.output {
        ReachOutput::Text => text::reach(&answers),
        ReachOutput::Json => json(&answers)?,
        ReachOutput::Dot => dot::draw(&Picture::of(&answers)),
        ReachOutput::Svg => svg::draw(&Picture::of(&answers)),
    })
}

fn json<T: serde::Serialize>(answer: &T) -> Result<String, TrafficError> {
    let text = serde_json::to_string_pretty(answer).map_err(ClientError::from)?;
    Ok(format!("{text}\n"))
}

#[cfg(test)]
mod tests;
