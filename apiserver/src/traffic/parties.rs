//! The arguments of `why connect` and `why reach`.

use std::fmt;
use std::net::IpAddr;

use portcullis_api::name::path_segment;
use portcullis_netpol::service::PortName;
use portcullis_netpol::{Name, Protocol};
use thiserror::Error;

use crate::config::why::ConnectArgs;

/// An invalid argument.
#[derive(Debug, Error)]
#[error("{argument} {value:?}: {why}")]
pub struct PartyError {
    /// Its name, as in the usage.
    argument: &'static str,
    /// Its value.
    value: String,
    /// Why it is invalid.
    why: &'static str,
}

/// One end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Party {
    Pod(Name),
    Service(Name),
    Address(IpAddr),
}

/// The question of `why connect`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) from: Party,
    pub(super) to: Party,
    pub(super) port: PortName,
    pub(super) protocol: Protocol,
}

impl Question {
    pub(super) fn of(args: &ConnectArgs, namespace: &str) -> Result<Self, PartyError> {
        let given = args.source.namespace.as_deref().unwrap_or_default();
        segment("--namespace", given)?;
        let from_namespace = args.from_namespace.as_deref().unwrap_or(namespace);
        segment("--from-namespace", from_namespace)?;
        let from = source(&args.from, from_namespace)?;
        let (to, port, protocol) = destination(&args.to, namespace)?;
        if matches!((&to, &port), (Party::Address(_), PortName::Name(_))) {
            return Err(error(
                "TO",
                &args.to,
                "the port of an address must be a number",
            ));
        }
        Ok(Self {
            from,
            to,
            port,
            protocol,
        })
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |party: &Party| match party {
            Party::Pod(name) => format!("pod {:?} in {:?}", name.name, name.namespace),
            Party::Service(name) => format!("service {:?} in {:?}", name.name, name.namespace),
            Party::Address(address) => address.to_string(),
        };
        let (from, to) = (name(&self.from), name(&self.to));
        write!(
            f,
            "connect {from} to {to}, port {} of {}",
            self.port, self.protocol
        )
    }
}

/// The pod that `why reach` is about, and the port, if one is given; `None` for all pods.
pub(super) type Target = (Name, Option<(PortName, Protocol)>);

pub(super) fn target(text: &str, namespace: &str) -> Result<Option<Target>, PartyError> {
    segment("--namespace", namespace)?;
    if text.is_empty() {
        return Ok(None);
    }
    let (party, port) = match text.split_once(':') {
        None => (text, None),
        Some((party, port)) => (party, Some(self::port("TO", text, port)?)),
    };
    match named(party, namespace) {
        Some(Party::Pod(name)) if is_name(&name) => Ok(Some((name, port))),
        _ => Err(error("TO", text, "it must be pod/NAME or pod/NAME:PORT")),
    }
}

fn source(text: &str, namespace: &str) -> Result<Party, PartyError> {
    if let Ok(address) = text.parse() {
        return Ok(Party::Address(address));
    }
    match named(text, namespace) {
        Some(Party::Pod(name)) if is_name(&name) => Ok(Party::Pod(name)),
        _ => Err(error(
            "FROM",
            text,
            "the source must be pod/NAME or an address",
        )),
    }
}

fn destination(text: &str, namespace: &str) -> Result<(Party, PortName, Protocol), PartyError> {
    let wrong = || {
        error(
            "TO",
            text,
            "it must be pod/NAME:PORT, svc/NAME:PORT or ADDRESS:PORT",
        )
    };
    let (party, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once("]:").ok_or_else(wrong)?,
        None => text.split_once(':').ok_or_else(wrong)?,
    };
    let (port, protocol) = self::port("TO", text, port)?;
    let address = party.parse().ok().map(Party::Address);
    let party = match address.or_else(|| named(party, namespace)) {
        Some(Party::Address(address)) => Party::Address(address),
        Some(Party::Pod(name)) if is_name(&name) => Party::Pod(name),
        Some(Party::Service(name)) if is_name(&name) => Party::Service(name),
        _ => return Err(wrong()),
    };
    Ok((party, port, protocol))
}

fn is_name(name: &Name) -> bool {
    !name.name.is_empty() && path_segment(&name.name).is_empty()
}

fn named(text: &str, namespace: &str) -> Option<Party> {
    let (kind, name) = text.split_once('/')?;
    let name = Name::new(namespace, name);
    match kind {
        "pod" | "pods" | "po" => Some(Party::Pod(name)),
        "service" | "services" | "svc" => Some(Party::Service(name)),
        _ => None,
    }
}

/// A port such as `80`, `53/udp` or `http`.
fn port(
    argument: &'static str,
    whole: &str,
    text: &str,
) -> Result<(PortName, Protocol), PartyError> {
    let (port, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let protocol = protocol.to_ascii_uppercase().parse();
    let protocol = protocol.map_err(|why| error(argument, whole, why))?;
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    let port = match port.parse() {
        Ok(number) if number > 0 => PortName::Number(number),
        _ if is_number => return Err(error(argument, whole, "a port must be between 1 and 65535")),
        _ => PortName::Name(port.to_owned()),
    };
    Ok((port, protocol))
}

/// Whether a value is a valid segment of a URL.
fn segment(argument: &'static str, value: &str) -> Result<(), PartyError> {
    if path_segment(value).is_empty() {
        Ok(())
    } else {
        Err(error(argument, value, "not the name of a namespace"))
    }
}

fn error(argument: &'static str, value: &str, why: &'static str) -> PartyError {
    PartyError {
        argument,
        value: value.to_owned(),
        why,
    }
}

#[cfg(test)]
mod tests;
