//! The address of a webhook.

use portcullis_api::go_url::{GoUrl, escape_host, escape_path};
use portcullis_api::punycode;

use super::CallError;
use crate::outbound::url::{https, without_credentials};

/// The target in a webhook's configuration.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// A URL of scheme `https`.
    Url(&'a str),
    /// A service of the cluster, whose certificate must be for `name.namespace.svc`.
    Service {
        /// The service's namespace.
        namespace: &'a str,
        /// The service's name.
        name: &'a str,
        /// The path of the URL; may be empty.
        path: &'a str,
        /// The service's port, usually 443.
        port: u16,
    },
}

/// The URL to post to, with a path and without a query.
#[derive(Clone, Debug)]
pub(super) struct Address {
    /// As errors show it.
    pub(super) shown: String,
    /// As requests have it: with the host in ASCII. Otherwise why no request can be sent to it, in Go's words.
    pub(super) usable: Result<String, String>,
}

impl Target<'_> {
    /// The URL to post to.
    ///
    /// # Errors
    /// [`CallError::Config`] for what upstream rejects before a call, for credentials, and for schemes
    /// other than `https`.
    pub(super) fn address(&self) -> Result<Address, CallError> {
        match self {
            Self::Url(text) => {
                let url = parse(text)?;
                Ok(Address::new(&url.host, &url.path))
            }
            Self::Service {
                namespace,
                name,
                path,
                port,
            } => Ok(Address::new(
                &format!("{name}.{namespace}.svc:{port}"),
                path,
            )),
        }
    }

    /// The name under which a webhook's credentials are found: host and port, or the name of the service,
    /// with a port other than 443 (upstream: `ClientConfigFor`, `ClientConfigForService`).
    pub fn server(&self) -> String {
        match self {
            Self::Url(text) => {
                let host = parse(text).map(|url| url.host).unwrap_or_default();
                match split_port(&host) {
                    (_, Some(_)) => host,
                    (host, None) => format!("{host}:443"),
                }
            }
            Self::Service {
                namespace,
                name,
                port: 443,
                ..
            } => format!("{name}.{namespace}.svc"),
            Self::Service {
                namespace,
                name,
                port,
                ..
            } => format!("{name}.{namespace}.svc:{port}"),
        }
    }
}

impl Address {
    fn new(host: &str, path: &str) -> Self {
        let path = escape_path(&clean(path));
        Self {
            shown: format!("https://{}{path}", escape_host(host)),
            usable: dialled(host).and_then(|host| {
                let url = format!("https://{host}{path}");
                let lookup = || format!("dial tcp: lookup {host}: no such host");
                https(&url).is_some().then_some(url).ok_or_else(lookup)
            }),
        }
    }
}

/// Host and port in ASCII, if Go would dial them.
///
/// # Errors
/// Go's text: the port is looked at before the host.
fn dialled(host: &str) -> Result<String, String> {
    let (name, port) = split_port(host);
    let port = port.filter(|port| !port.is_empty());
    if let Some(port) = port.filter(|port| port.parse::<u16>().is_err()) {
        return Err(format!("dial tcp: address {port}: invalid port"));
    }
    // what is no name of a domain is looked up all the same
    let name = punycode::to_ascii(name).unwrap_or_else(|| name.to_owned());
    Ok(port.map_or(name.clone(), |port| format!("{name}:{port}")))
}

/// Splits off the port after the last colon that is not in brackets.
fn split_port(host: &str) -> (&str, Option<&str>) {
    let end = host.rfind(']').unwrap_or_default();
    match host.rfind(':').filter(|at| *at >= end) {
        Some(at) => (&host[..at], host.get(at + 1..)),
        None => (host, None),
    }
}

fn parse(text: &str) -> Result<GoUrl, CallError> {
    let unparsable = |why: String| CallError::Config(format!("Unparsable URL: {why}"));
    let url = GoUrl::parse(text).map_err(unparsable)?;
    if url.scheme != "https" || url.host.is_empty() || url.user.is_some() {
        let shown = without_credentials(text);
        return Err(unparsable(format!("{shown:?} is not an https URL")));
    }
    Ok(url)
}

/// A path in the form of Go's `path.Join("/", path)`, which client-go uses for the URLs of requests.
fn clean(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_made_as_client_go_makes_them() {
        for (url, expected) in [
            ("https://h", Some("https://h/")),
            ("https://h:8443/a/b", Some("https://h:8443/a/b")),
            ("https://h:/a", Some("https://h/a")),
            ("https://[::1]:1//a/./b/../c/", Some("https://[::1]:1/a/c")),
            ("https://h/a?q=1#f", Some("https://h/a")),
            ("https://h/a|b/%C3%BC", Some("https://h/a%7Cb/%C3%BC")),
            ("HTTPS://h/a?", Some("https://h/a")),
            ("http://h/a", None),
            ("https://bob:pw@h", None),
            ("https://h:port", None),
            ("", None),
        ] {
            let made = Target::Url(url).address().ok();
            let usable = made.map(|made| made.usable.unwrap());
            assert_eq!(usable.as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn hosts_are_dialled_as_go_dials_them() {
        for (url, shown, usable) in [
            (
                "https://bücher.example:1/a",
                "https://b%C3%BCcher.example:1/a",
                Ok("https://xn--bcher-kva.example:1/a"),
            ),
            (
                "https://h:70000/a",
                "https://h:70000/a",
                Err("dial tcp: address 70000: invalid port"),
            ),
            (
                "https://a_b<c/",
                "https://a_b<c/",
                Err("dial tcp: lookup a_b<c: no such host"),
            ),
        ] {
            let made = Target::Url(url).address().unwrap();
            assert_eq!(made.shown, shown);
            let made = made.usable.as_deref().map_err(String::as_str);
            assert_eq!(made, usable);
        }
    }

    #[test]
    fn credentials_are_found_by_host_and_port() {
        let service = |path| Target::Service {
            namespace: "n",
            name: "s",
            path,
            port: 443,
        };
        for (url, server) in [
            ("https://h/x", "h:443"),
            ("https://h:1/x", "h:1"),
            ("https://[::1]/x", "[::1]:443"),
            ("https://[::1]:1", "[::1]:1"),
        ] {
            assert_eq!(Target::Url(url).server(), server);
        }
        assert_eq!(service("").server(), "s.n.svc");
        let url = |path| service(path).address().unwrap().usable.unwrap();
        assert_eq!(url(""), "https://s.n.svc:443/");
        assert_eq!(url("/v"), "https://s.n.svc:443/v");
    }
}
