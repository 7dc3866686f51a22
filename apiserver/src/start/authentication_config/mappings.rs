//! What claims say about a user.

use std::collections::BTreeSet;
use std::sync::Arc;

use portcullis_api::{ErrorList, FieldError, Path};
use portcullis_authn::oidc::{Expression, Mapping};
use portcullis_kinds::validation::names::validate_domain_prefixed_path;
use serde::Deserialize;

use crate::access::claims::Compiled;

const BOTH: &str = "claim and expression can't both be set";
const UNVERIFIED: &str = "claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression";
/// The domains whose keys only Kubernetes sets, and those below them.
const RESERVED: [&str; 2] = ["kubernetes.io", "k8s.io"];

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WrittenMappings {
    username: WrittenPrefixed,
    groups: WrittenPrefixed,
    uid: WrittenUid,
    extra: Vec<WrittenExtra>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct WrittenPrefixed {
    claim: String,
    prefix: Option<String>,
    expression: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct WrittenUid {
    claim: String,
    expression: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct WrittenExtra {
    key: String,
    value_expression: String,
}

/// What claims say of a user besides the name.
pub(super) struct Mapped {
    pub(super) groups: Option<Mapping>,
    pub(super) uid: Option<Mapping>,
    pub(super) extra: Vec<(String, Arc<dyn Expression>)>,
}

/// Where something comes from, before it is one of many mappings.
enum Source {
    Claim(String, String),
    Expression(Compiled),
}

impl From<Source> for Mapping {
    fn from(source: Source) -> Self {
        match source {
            Source::Claim(claim, prefix) => Self::Claim { claim, prefix },
            Source::Expression(compiled) => Self::Expression(Arc::new(compiled)),
        }
    }
}

/// Checks mappings; `verify_email`: whether a rule reads `claims.email_verified` (upstream:
/// `validateClaimMappings`). `None`, if nothing says what users are called.
pub(super) fn check(
    written: WrittenMappings,
    verify_email: bool,
    path: &Path,
    errors: &mut ErrorList,
) -> Option<(Mapping, Mapped)> {
    let at = path.child("username");
    let text = written.username.expression.clone();
    let username = prefixed(written.username, true, &at, errors);
    let groups = prefixed(written.groups, false, &path.child("groups"), errors);
    let uid = uid(written.uid, &path.child("uid"), errors);
    let extra = extra(written.extra, &path.child("extra"), errors);
    if let Some(Source::Expression(name)) = &username {
        let verified = "email_verified";
        let verifies = verify_email
            || name.reads(verified)
            || extra.iter().any(|(_, extra)| extra.reads(verified));
        if name.reads("email") && !verifies {
            let at = at.child("expression");
            errors.push(FieldError::invalid(&at, &text, UNVERIFIED));
        }
    }
    let extra = extra.into_iter();
    let extra = extra.map(|(key, of)| (key, Arc::new(of) as Arc<dyn Expression>));
    let mapped = Mapped {
        groups: groups.map(Mapping::from),
        uid: uid.map(Mapping::from),
        extra: extra.collect(),
    };
    Some((username?.into(), mapped))
}

/// Upstream: `validatePrefixClaimOrExpression`.
fn prefixed(
    written: WrittenPrefixed,
    required: bool,
    path: &Path,
    errors: &mut ErrorList,
) -> Option<Source> {
    match (written.claim.is_empty(), written.expression.is_empty()) {
        (false, false) => errors.push(FieldError::invalid(path, "", BOTH)),
        (true, true) if required => {
            errors.push(FieldError::required(
                path,
                "claim or expression is required",
            ));
        }
        (true, true) => {}
        (true, false) => {
            if let Some(prefix) = written.prefix {
                let why = "may not be specified when expression is set";
                errors.push(FieldError::invalid(&path.child("prefix"), &prefix, why));
            }
            let compiled = compile(&written.expression, &path.child("expression"), errors);
            return compiled.map(Source::Expression);
        }
        (false, true) => {
            let Some(prefix) = written.prefix else {
                let why = "prefix is required when claim is set. It can be set to an empty string to disable prefixing";
                errors.push(FieldError::required(&path.child("prefix"), why));
                return None;
            };
            return Some(Source::Claim(written.claim, prefix));
        }
    }
    None
}

fn uid(written: WrittenUid, path: &Path, errors: &mut ErrorList) -> Option<Source> {
    match (written.claim.is_empty(), written.expression.is_empty()) {
        (true, true) => None,
        (false, true) => Some(Source::Claim(written.claim, String::new())),
        (true, false) => {
            let compiled = compile(&written.expression, &path.child("expression"), errors);
            compiled.map(Source::Expression)
        }
        (false, false) => {
            errors.push(FieldError::invalid(path, "", BOTH));
            None
        }
    }
}

fn extra(
    written: Vec<WrittenExtra>,
    path: &Path,
    errors: &mut ErrorList,
) -> Vec<(String, Compiled)> {
    let (mut extra, mut seen) = (Vec::new(), BTreeSet::new());
    for (
        at,
        WrittenExtra {
            key,
            value_expression,
        },
    ) in written.into_iter().enumerate()
    {
        let path = path.index(at);
        let at = path.child("key");
        validate_domain_prefixed_path(&key, &at, errors);
        if key.chars().any(char::is_uppercase) {
            errors.push(FieldError::invalid(&at, key.as_str(), "must be lowercase"));
        }
        if is_reserved(&key) {
            let why = "k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use";
            errors.push(FieldError::invalid(&at, key.as_str(), why));
        }
        if !seen.insert(key.clone()) {
            errors.push(FieldError::duplicate(&at, &key));
            continue;
        }
        let at = path.child("valueExpression");
        if value_expression.is_empty() {
            errors.push(FieldError::required(&at, ""));
            continue;
        }
        extra.extend(compile(&value_expression, &at, errors).map(|compiled| (key, compiled)));
    }
    extra
}

/// Upstream: `isKubernetesDomainPrefix`.
fn is_reserved(key: &str) -> bool {
    let (domain, _) = key.split_once('/').unwrap_or_default();
    RESERVED.iter().any(|reserved| {
        let above = domain.strip_suffix(reserved);
        above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
    })
}

fn compile(text: &str, path: &Path, errors: &mut ErrorList) -> Option<Compiled> {
    Compiled::of_claims(text)
        .map_err(|why| errors.push(FieldError::invalid(path, text, why)))
        .ok()
}
