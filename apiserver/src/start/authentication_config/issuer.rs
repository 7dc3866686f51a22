//! An issuer of tokens, and the audiences of its tokens.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use portcullis_api::{ErrorList, FieldError, Path};
use portcullis_authn::oidc::Issuer;
use serde::Deserialize;

use crate::outbound::https::{HttpsClient, trusting_system};
use crate::outbound::url::{self, has_credentials, without_credentials};
use crate::start::oidc::Asking;

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WrittenIssuer {
    pub(super) url: String,
    #[serde(rename = "discoveryURL")]
    pub(super) discovery_url: String,
    certificate_authority: String,
    pub(super) audiences: Vec<String>,
    audience_match_policy: String,
    egress_selector_type: String,
}

/// Where an issuer's keys come from. While that does not change, keys that were fetched are kept.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Source {
    url: String,
    discovery_url: String,
    authority: String,
}

/// The issuers of a configuration, and where their keys come from.
#[derive(Default)]
pub(super) struct Issuers(pub(super) Mutex<Vec<(Source, Arc<Issuer>)>>);

impl Issuers {
    /// The issuers with these sources, in their order; those of before as far as they have the same.
    ///
    /// # Errors
    /// What is wrong with the authorities of the system.
    pub(super) fn replace<'s>(
        &self,
        sources: impl Iterator<Item = &'s Source>,
    ) -> Result<Vec<Arc<Issuer>>, String> {
        let mut known = self.0.lock();
        let mut next = Vec::new();
        for source in sources {
            let kept = known.iter().find(|(before, _)| before == source);
            let issuer = match kept {
                Some((_, issuer)) => issuer.clone(),
                None => Arc::new(source.issuer()?),
            };
            next.push((source.clone(), issuer));
        }
        let issuers = next.iter().map(|(_, issuer)| issuer.clone()).collect();
        *known = next;
        Ok(issuers)
    }
}

impl Source {
    fn issuer(&self) -> Result<Issuer, String> {
        let client = match self.authority.as_str() {
            "" => trusting_system(None).map(HttpsClient::new),
            authority => HttpsClient::trusting(authority.as_bytes(), None),
        };
        let client = client.map_err(|why| why.to_string())?;
        let discovery_url = Some(&*self.discovery_url).filter(|url| !url.is_empty());
        Ok(Issuer::new(
            &self.url,
            discovery_url,
            Arc::new(Asking(client)),
        ))
    }
}

/// Checks what is written of an issuer.
pub(super) fn check(
    written: &WrittenIssuer,
    own_issuers: &[String],
    path: &Path,
    errors: &mut ErrorList,
) -> Source {
    let at = path.child("url");
    if written.url.is_empty() {
        errors.push(FieldError::required(&at, ""));
    } else {
        if own_issuers.contains(&written.url) {
            let mut own = own_issuers.to_vec();
            own.sort_unstable();
            let own = own.join(" ");
            let why = format!("URL must not overlap with disallowed issuers: [{own}]");
            errors.push(FieldError::invalid(&at, written.url.as_str(), why));
        }
        check_url(&written.url, &at, errors);
    }
    check_discovery_url(written, &path.child("discoveryURL"), errors);
    check_audiences(written, path, errors);
    let at = path.child("certificateAuthority");
    let authority = written.certificate_authority.as_str();
    if !authority.is_empty() && HttpsClient::trusting(authority.as_bytes(), None).is_err() {
        let why = "data does not contain any valid RSA or ECDSA certificates";
        errors.push(FieldError::invalid(&at, "<omitted>", why));
    }
    let at = path.child("egressSelectorType");
    let selector = written.egress_selector_type.as_str();
    if !selector.is_empty() {
        let why = "egress selector is not supported when StructuredAuthenticationConfigurationEgressSelector feature gate is disabled";
        errors.push(FieldError::invalid(&at, selector, why));
    }
    Source {
        url: written.url.clone(),
        discovery_url: written.discovery_url.clone(),
        authority: written.certificate_authority.clone(),
    }
}

fn check_discovery_url(written: &WrittenIssuer, path: &Path, errors: &mut ErrorList) {
    let (issuer, discovery) = (&written.url, &written.discovery_url);
    if discovery.is_empty() {
        return;
    }
    if !issuer.is_empty() && issuer.trim_end_matches('/') == discovery.trim_end_matches('/') {
        let why = "discoveryURL must be different from URL";
        errors.push(FieldError::invalid(path, &shown(discovery), why));
    }
    check_url(discovery, path, errors);
}

/// Upstream: `validateURL`.
fn check_url(text: &str, path: &Path, errors: &mut ErrorList) {
    let before = errors.len();
    let mut wrong = |why: &str| errors.push(FieldError::invalid(path, &shown(text), why));
    let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (_, query) = rest.split_once('?').unwrap_or_default();
    if !text.starts_with("https://") {
        wrong("URL scheme must be https");
    }
    if has_credentials(text) {
        wrong("URL must not contain a username or password");
    }
    if !query.is_empty() {
        wrong("URL must not contain a query");
    }
    if !fragment.is_empty() {
        wrong("URL must not contain a fragment");
    }
    if errors.len() == before && url::https(text).is_none() {
        errors.push(FieldError::invalid(
            path,
            &shown(text),
            "must be a valid URL",
        ));
    }
}

/// A password is not repeated.
fn shown(url: &str) -> String {
    match has_credentials(url) {
        true => without_credentials(url),
        false => url.to_owned(),
    }
}

fn check_audiences(written: &WrittenIssuer, path: &Path, errors: &mut ErrorList) {
    const MATCH_ANY: &str = "MatchAny";
    let at = path.child("audiences");
    if written.audiences.is_empty() {
        let why = format!("at least one {} is required", at.as_str());
        errors.push(FieldError::required(&at, why));
        return;
    }
    let mut seen = BTreeSet::new();
    for (index, audience) in written.audiences.iter().enumerate() {
        let at = at.index(index);
        if audience.is_empty() {
            errors.push(FieldError::required(&at, ""));
        }
        if !seen.insert(audience) {
            errors.push(FieldError::duplicate(&at, audience.as_str()));
        }
    }
    let policy = written.audience_match_policy.as_str();
    let why = match written.audiences.len() {
        _ if policy == MATCH_ANY => return,
        1 if policy.is_empty() => return,
        1 => "audienceMatchPolicy must be empty or MatchAny for single audience",
        _ => "audienceMatchPolicy must be MatchAny for multiple audiences",
    };
    let at = path.child("audienceMatchPolicy");
    errors.push(FieldError::invalid(&at, policy, why));
}
