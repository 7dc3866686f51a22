//! The front proxies that options name, whose user headers this server accepts.
//!
//! Upstream: `RequestHeaderAuthenticationOptions` in `k8s.io/apiserver/pkg/server/options/authentication.go`.

use std::sync::Arc;

use http::HeaderName;
use portcullis_authn::{FrontProxies as Authenticator, RequestHeaders};
use portcullis_controllers::cluster_authentication::ProxyHeaders;

use super::error::StartError;
use crate::config::front_proxy::FrontProxy as Options;

/// The option that names their authorities.
pub const AUTHORITY: &str = "--requestheader-client-ca-file";
const NAMES: &str = "--requestheader-allowed-names";
const USERNAME: &str = "--requestheader-username-headers";
const UID: &str = "--requestheader-uid-headers";
const GROUP: &str = "--requestheader-group-headers";
const EXTRA: &str = "--requestheader-extra-headers-prefix";

/// The front proxies of a server.
pub struct FrontProxies {
    /// The authenticator of the users that they name, if options name their authorities.
    pub authenticator: Option<Arc<Authenticator>>,
    /// The headers that are removed from every request once its user is known.
    pub removed: RequestHeaders,
    /// What is published of them; nothing if options do not name their authorities.
    pub published: Option<ProxyHeaders>,
}

impl FrontProxies {
    /// Reads the file that options name.
    ///
    /// # Errors
    /// Names the option and the file.
    pub fn load(options: &Options) -> Result<Self, StartError> {
        let published = ProxyHeaders {
            allowed_names: words(NAMES, &options.requestheader_allowed_names)?,
            username: words(USERNAME, &options.requestheader_username_headers)?,
            uid: words(UID, &options.requestheader_uid_headers)?,
            group: words(GROUP, &options.requestheader_group_headers)?,
            extra_prefixes: words(EXTRA, &options.requestheader_extra_headers_prefix)?,
        };
        let headers = RequestHeaders {
            username: names(USERNAME, &published.username)?,
            uid: names(UID, &published.uid)?,
            group: names(GROUP, &published.group)?,
            extra_prefixes: names(EXTRA, &published.extra_prefixes)?
                .into_iter()
                .map(|prefix| prefix.as_str().to_owned())
                .collect(),
        };
        let removed = RequestHeaders::standard().and(headers.clone());
        let Some(path) = &options.requestheader_client_ca_file else {
            return Ok(Self {
                authenticator: None,
                removed,
                published: None,
            });
        };
        warn_of_others(&published);
        let allowed_names = published.allowed_names.clone();
        let authenticator = Authenticator::load(path, allowed_names, headers);
        let authenticator = authenticator.map_err(|why| StartError::option(AUTHORITY, why))?;
        Ok(Self {
            authenticator: Some(Arc::new(authenticator)),
            removed,
            published: Some(published),
        })
    }
}

/// The words of an option; one that is empty alone is none.
fn words(option: &'static str, words: &[String]) -> Result<Vec<String>, StartError> {
    let words: Vec<_> = words.iter().map(|word| word.trim().to_owned()).collect();
    match words.as_slice() {
        [only] if only.is_empty() => Ok(Vec::new()),
        words if words.iter().any(String::is_empty) => {
            let flag = option.trim_start_matches('-');
            Err(StartError::option(
                option,
                format!("empty value in {flag:?}"),
            ))
        }
        _ => Ok(words),
    }
}

fn names(option: &'static str, words: &[String]) -> Result<Vec<HeaderName>, StartError> {
    let name = |word: &String| {
        let name = HeaderName::from_bytes(word.as_bytes());
        name.map_err(|_| {
            StartError::option(option, format!("{word:?} is not the name of a header"))
        })
    };
    words.iter().map(name).collect()
}

/// Other servers that stand in front of this one send the standard headers.
fn warn_of_others(headers: &ProxyHeaders) {
    for (option, words, standard) in [
        (USERNAME, &headers.username, "X-Remote-User"),
        (UID, &headers.uid, "X-Remote-Uid"),
        (GROUP, &headers.group, "X-Remote-Group"),
        (EXTRA, &headers.extra_prefixes, "X-Remote-Extra-"),
    ] {
        let is_standard = |word: &String| word.eq_ignore_ascii_case(standard);
        if !words.is_empty() && !words.iter().any(is_standard) {
            tracing::warn!(
                "{option} does not name {standard}, which kube-apiserver sends as a front proxy"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(username: &[&str], prefixes: &[&str]) -> Result<FrontProxies, String> {
        let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let options = Options {
            requestheader_username_headers: own(username),
            requestheader_extra_headers_prefix: own(prefixes),
            ..Options::default()
        };
        FrontProxies::load(&options).map_err(|error| error.to_string())
    }

    #[test]
    fn what_options_name_is_removed_with_the_standard_headers() {
        let found = load(&[" X-User"], &["X-More-"]).unwrap();
        assert!(found.authenticator.is_none() && found.published.is_none());
        assert_eq!(found.removed.username, ["x-remote-user", "x-user"]);
        assert_eq!(found.removed.extra_prefixes, ["x-remote-extra-", "x-more-"]);
        assert!(load(&[""], &[]).is_ok());
    }

    #[test]
    fn what_can_be_no_header_is_named() {
        for (username, prefixes, why) in [
            (
                &["a", " "][..],
                &[][..],
                "--requestheader-username-headers: empty value in \"requestheader-username-headers\"",
            ),
            (
                &["X User"],
                &[],
                "--requestheader-username-headers: \"X User\" is not the name of a header",
            ),
            (
                &[],
                &["x:"],
                "--requestheader-extra-headers-prefix: \"x:\" is not the name of a header",
            ),
        ] {
            assert_eq!(load(username, prefixes).err().as_deref(), Some(why));
        }
    }
}
