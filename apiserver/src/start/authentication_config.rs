//! The issuers and anonymous users that a file accepts: an `AuthenticationConfiguration`.
//!
//! Upstream: `ValidateAuthenticationConfiguration` in `k8s.io/apiserver/pkg/apis/apiserver/validation`,
//! and `pkg/kubeapiserver/options/authentication.go`.

mod issuer;
mod mappings;
mod rules;

use std::collections::BTreeSet;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use portcullis_api::field_error::{BadValue, aggregate, go_quote};
use portcullis_api::{ErrorList, FieldError, Path};
use portcullis_authn::oidc::{JwtOptions, OidcTokens};
use portcullis_authn::{ALGORITHMS, Anonymous, FileError, Reload, Reloading};
use serde::Deserialize;
use serde_json::Value;

use self::issuer::{Issuers, WrittenIssuer};
use self::mappings::WrittenMappings;
use self::rules::{WrittenClaimRule, WrittenUserRule};
use super::error::StartError;
use super::host::host_name;
use crate::config::Serve;
use crate::endpoints::body;
use crate::files;
use crate::metrics::ConfigMetrics;

/// The option that names the file.
pub(super) const OPTION: &str = "--authentication-config";
const VERSIONS: [&str; 2] = [
    "apiserver.config.k8s.io/v1",
    "apiserver.config.k8s.io/v1beta1",
];
const KIND: &str = "AuthenticationConfiguration";
const AUTHENTICATORS_MAX: usize = 64;

/// The issuers that a file names, now and later.
pub(super) type ConfiguredIssuers = Reloading<Vec<OidcTokens>>;

/// What a file says.
pub(super) struct Configured {
    /// The issuers whose tokens are accepted.
    pub(super) issuers: Arc<ConfiguredIssuers>,
    /// Which requests without credentials are anonymous, if the file says so.
    pub(super) anonymous: Option<Anonymous>,
    /// Reads the file again when it changes.
    pub(super) reload: Arc<dyn Reload>,
    /// What is counted of that.
    pub(super) metrics: ConfigMetrics,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    #[serde(default)]
    jwt: Vec<WrittenAuthenticator>,
    anonymous: Option<WrittenAnonymous>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct WrittenAuthenticator {
    issuer: WrittenIssuer,
    claim_validation_rules: Vec<WrittenClaimRule>,
    claim_mappings: WrittenMappings,
    user_validation_rules: Vec<WrittenUserRule>,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct WrittenAnonymous {
    enabled: bool,
    conditions: Vec<WrittenCondition>,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct WrittenCondition {
    path: String,
}

/// Reads the file that options name, if they do.
///
/// # Errors
/// [`StartError`], which names the option, the file and the field.
pub(super) fn load(options: &Serve) -> Result<Option<Configured>, StartError> {
    let Some(path) = &options.authentication_config else {
        return Ok(None);
    };
    if options.oidc.is_given() {
        let why = "authentication-config file and oidc-* flags are mutually exclusive";
        return Err(StartError::option(OPTION, why));
    }
    let reader = Reader {
        path: path.clone(),
        own_issuers: options.service_accounts.service_account_issuer.clone(),
        known: Issuers::default(),
        anonymous: Mutex::default(),
        text: Mutex::default(),
    };
    let reader = Arc::new(reader);
    let reading = reader.clone();
    let read = move |contents: &[Vec<u8>]| {
        let text = contents.first().map_or(&[][..], Vec::as_slice);
        reading.read(text)
    };
    let issuers = Reloading::together(vec![path.clone()], read);
    let issuers = issuers.map_err(|why| StartError::option(OPTION, why))?;
    let written = reader.anonymous.lock().clone().flatten();
    if written.is_some() && options.anonymous_auth.is_some() {
        let why = "anonymous: Forbidden: --anonymous-auth flag cannot be set when anonymous field is configured in authentication configuration file";
        return Err(StartError::option(OPTION, files::unusable(path, &why)));
    }
    let issuers = Arc::new(issuers);
    let metrics = ConfigMetrics::of_authentication(&host_name());
    metrics.applied(&reader.text.lock());
    Ok(Some(Configured {
        issuers: issuers.clone(),
        anonymous: written.map(anonymous),
        reload: Arc::new(CountedReload {
            issuers,
            reader,
            metrics: metrics.clone(),
        }),
        metrics,
    }))
}

/// Counts how often the file is read again.
struct CountedReload {
    issuers: Arc<ConfiguredIssuers>,
    reader: Arc<Reader>,
    metrics: ConfigMetrics,
}

impl Reload for CountedReload {
    fn path(&self) -> &FilePath {
        self.issuers.path()
    }

    fn reload(&self) -> Result<bool, FileError> {
        let reloaded = self.issuers.reload();
        match &reloaded {
            Ok(true) => self.metrics.reloaded(&self.reader.text.lock()),
            Ok(false) => {}
            Err(_) => self.metrics.failed(),
        }
        reloaded
    }
}

/// Reads the file again whenever it changes.
struct Reader {
    path: PathBuf,
    /// The issuers of this server's own tokens, which the file must not name.
    own_issuers: Vec<String>,
    /// The issuers of before, whose keys need not be fetched again.
    known: Issuers,
    /// What the file said of anonymous requests when it was first read: that does not change.
    anonymous: Mutex<Option<Option<WrittenAnonymous>>>,
    /// The text that is in force.
    text: Mutex<Vec<u8>>,
}

impl Reader {
    fn read(&self, text: &[u8]) -> Result<Vec<OidcTokens>, FileError> {
        let issuers = self
            .of(text)
            .map_err(|why| files::unusable(&self.path, &why))?;
        text.clone_into(&mut self.text.lock());
        Ok(issuers)
    }

    fn of(&self, text: &[u8]) -> Result<Vec<OidcTokens>, String> {
        let document = document(text)?;
        let mut errors = ErrorList::new();
        let planned = authenticators(document.jwt, &self.own_issuers, &mut errors);
        check_anonymous(document.anonymous.as_ref(), &mut errors);
        let mut first = self.anonymous.lock();
        if first
            .as_ref()
            .is_some_and(|first| *first != document.anonymous)
        {
            let why = "changed from initial configuration file";
            errors.push(FieldError::forbidden(&Path::new("anonymous"), why));
        }
        if !errors.is_empty() {
            let why = aggregate(&errors);
            return Err(format!("invalid authentication configuration: {why}"));
        }
        let issuers = planned.iter().map(|(source, _)| source);
        let issuers = self.known.replace(issuers)?;
        first.get_or_insert(document.anonymous);
        let tokens = planned.into_iter().zip(issuers);
        let tokens = tokens.map(|((_, options), issuer)| OidcTokens::of(options, issuer));
        Ok(tokens.collect())
    }
}

fn document(text: &[u8]) -> Result<Document, String> {
    if text.is_empty() {
        return Err("empty config data".to_owned());
    }
    let document = body::yaml(text).map_err(|why| why.in_go())?;
    let field = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or("");
    let (version, kind) = (field("apiVersion"), field("kind"));
    if !VERSIONS.contains(&version) || kind != KIND {
        let (kind, version) = (go_quote(kind), go_quote(version));
        return Err(format!(
            "no kind {kind} is registered for version {version}"
        ));
    }
    serde_json::from_value(document).map_err(|why| why.to_string())
}

fn authenticators(
    written: Vec<WrittenAuthenticator>,
    own_issuers: &[String],
    errors: &mut ErrorList,
) -> Vec<(issuer::Source, JwtOptions)> {
    let root = Path::new("jwt");
    if written.len() > AUTHENTICATORS_MAX {
        errors.push(FieldError::too_many(
            &root,
            written.len(),
            AUTHENTICATORS_MAX,
        ));
        return Vec::new();
    }
    let (mut urls, mut discovery_urls) = (BTreeSet::new(), BTreeSet::new());
    let mut planned = Vec::new();
    for (at, written) in written.into_iter().enumerate() {
        let path = root.index(at);
        let issuer = written.issuer.clone();
        planned.extend(authenticator(written, own_issuers, &path, errors));
        let path = path.child("issuer");
        if !urls.insert(issuer.url.clone()) {
            errors.push(FieldError::duplicate(&path.child("url"), &issuer.url));
        }
        let discovery_url = issuer.discovery_url;
        if !discovery_url.is_empty() && !discovery_urls.insert(discovery_url.clone()) {
            let path = path.child("discoveryURL");
            errors.push(FieldError::duplicate(&path, &discovery_url));
        }
    }
    planned
}

fn authenticator(
    written: WrittenAuthenticator,
    own_issuers: &[String],
    path: &Path,
    errors: &mut ErrorList,
) -> Option<(issuer::Source, JwtOptions)> {
    let source = issuer::check(&written.issuer, own_issuers, &path.child("issuer"), errors);
    let at = path.child("claimValidationRules");
    let rules = rules::of_claims(written.claim_validation_rules, &at, errors);
    let at = path.child("claimMappings");
    let mapped = mappings::check(written.claim_mappings, rules.verify_email, &at, errors);
    let at = path.child("userValidationRules");
    let user_rules = rules::of_user(written.user_validation_rules, &at, errors);
    let (username, mapped) = mapped?;
    let options = JwtOptions {
        issuer_url: written.issuer.url,
        audiences: written.issuer.audiences,
        signing_algs: ALGORITHMS.into(),
        required_claims: rules.required,
        claim_rules: rules.conditions,
        username,
        groups: mapped.groups,
        uid: mapped.uid,
        extra: mapped.extra,
        user_rules,
    };
    Some((source, options))
}

fn check_anonymous(written: Option<&WrittenAnonymous>, errors: &mut ErrorList) {
    if let Some(written) = written.filter(|w| !w.enabled && !w.conditions.is_empty()) {
        let paths = written.conditions.iter().map(|c| go_quote(&c.path));
        let paths: Vec<_> = paths.map(|path| format!("{{\"path\":{path}}}")).collect();
        let path = Path::new("anonymous").child("conditions");
        let value = BadValue::go(format!("[{}]", paths.join(",")));
        let why = "enabled should be set to true when conditions are defined";
        errors.push(FieldError::invalid(&path, value, why));
    }
}

fn anonymous(written: WrittenAnonymous) -> Anonymous {
    match (written.enabled, written.conditions) {
        (false, _) => Anonymous::Never,
        (true, conditions) if conditions.is_empty() => Anonymous::Always,
        (true, conditions) => Anonymous::Paths(conditions.into_iter().map(|c| c.path).collect()),
    }
}

#[cfg(test)]
mod tests;
