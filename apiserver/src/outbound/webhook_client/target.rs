//! The address of a webhook.

use super::CallError;
use crate::outbound::url::https;

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

impl Target<'_> {
    /// The URL to post to, with a path and without a query.
    pub(super) fn url(&self) -> Result<String, CallError> {
        let url = match self {
            Self::Url(text) => {
                let (authority, path) = split(text);
                format!("https://{authority}{}", clean(path))
            }
            Self::Service {
                namespace,
                name,
                path,
                port,
            } => format!("https://{name}.{namespace}.svc:{port}{}", clean(path)),
        };
        let is_usable = https(&url).is_some();
        let unusable = || CallError::Config(format!("Unparsable URL: {url:?} is not an https URL"));
        is_usable.then_some(()).ok_or_else(unusable)?;
        Ok(url)
    }
}

impl Target<'_> {
    /// The name under which a webhook's credentials are found: host and port, or the name of the service,
    /// with a port other than 443 (upstream: `ClientConfigFor`, `ClientConfigForService`).
    pub fn server(&self) -> String {
        match self {
            Self::Url(text) => {
                let (authority, _) = split(text);
                let (_, after_brackets) = authority.rsplit_once(']').unwrap_or(("", authority));
                match after_brackets.contains(':') {
                    true => authority.to_owned(),
                    false => format!("{authority}:443"),
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

/// Authority and path of a URL, whose scheme may be in capital letters.
fn split(url: &str) -> (&str, &str) {
    const SCHEME: &str = "https://";
    let (scheme, rest) = url.split_at_checked(SCHEME.len()).unwrap_or_default();
    let is_https = scheme.eq_ignore_ascii_case(SCHEME);
    let rest = if is_https { rest } else { "" };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let end = rest.find('/').unwrap_or(rest.len());
    rest.split_at_checked(end).unwrap_or((rest, ""))
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
            ("https://[::1]:1//a/./b/../c/", Some("https://[::1]:1/a/c")),
            ("https://h/a?q=1#f", Some("https://h/a")),
            ("HTTPS://h/a?", Some("https://h/a")),
            ("http://h/a", None),
            ("https://bob:pw@h", None),
            ("", None),
        ] {
            let made = Target::Url(url).url().ok();
            assert_eq!(made.as_deref(), expected, "{url}");
        }
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
        assert_eq!(service("").url().unwrap(), "https://s.n.svc:443/");
        assert_eq!(service("/v").url().unwrap(), "https://s.n.svc:443/v");
    }
}
