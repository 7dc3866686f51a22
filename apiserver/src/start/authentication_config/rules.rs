//! What must be true of claims and of users.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use portcullis_api::{ErrorList, FieldError, Path};
use portcullis_authn::oidc::Rule;
use serde::Deserialize;

use crate::access::claims::Compiled;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WrittenClaimRule {
    claim: String,
    required_value: String,
    expression: String,
    message: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WrittenUserRule {
    expression: String,
    message: String,
}

/// The rules about claims.
#[derive(Default)]
pub(super) struct ClaimRules {
    /// Claims, and the values that they must have.
    pub(super) required: BTreeMap<String, String>,
    /// What must be true.
    pub(super) conditions: Vec<Rule>,
    /// Whether one of them reads `claims.email_verified`.
    pub(super) verify_email: bool,
}

/// Upstream: `validateClaimValidationRules`.
pub(super) fn of_claims(
    written: Vec<WrittenClaimRule>,
    path: &Path,
    errors: &mut ErrorList,
) -> ClaimRules {
    let (mut rules, mut seen) = (ClaimRules::default(), BTreeSet::new());
    for (at, rule) in written.into_iter().enumerate() {
        let path = path.index(at);
        match (rule.claim.is_empty(), rule.expression.is_empty()) {
            (false, false) => {
                let why = "claim and expression can't both be set";
                errors.push(FieldError::invalid(&path, &rule.claim, why));
            }
            (true, true) => {
                errors.push(FieldError::required(
                    &path,
                    "claim or expression is required",
                ));
            }
            (false, true) => {
                if !rule.message.is_empty() {
                    let why = "may not be specified when claim is set";
                    errors.push(FieldError::invalid(
                        &path.child("message"),
                        &rule.message,
                        why,
                    ));
                }
                let claim = rule.claim.clone();
                if rules
                    .required
                    .insert(rule.claim, rule.required_value)
                    .is_some()
                {
                    errors.push(FieldError::duplicate(&path.child("claim"), &claim));
                }
            }
            (true, false) => {
                if !rule.required_value.is_empty() {
                    let at = path.child("requiredValue");
                    let why = "may not be specified when expression is set";
                    errors.push(FieldError::invalid(&at, &rule.required_value, why));
                }
                let compile = Compiled::condition_of_claims;
                let Some(compiled) = condition(&rule.expression, &path, &mut seen, compile, errors)
                else {
                    continue;
                };
                rules.verify_email |= compiled.reads("email_verified");
                rules.conditions.push(Rule {
                    expression: Arc::new(compiled),
                    message: rule.message,
                });
            }
        }
    }
    rules
}

/// Upstream: `validateUserValidationRules`.
pub(super) fn of_user(
    written: Vec<WrittenUserRule>,
    path: &Path,
    errors: &mut ErrorList,
) -> Vec<Rule> {
    let (mut rules, mut seen) = (Vec::new(), BTreeSet::new());
    for (at, rule) in written.into_iter().enumerate() {
        let path = path.index(at);
        if rule.expression.is_empty() {
            errors.push(FieldError::required(&path.child("expression"), ""));
            continue;
        }
        let compile = Compiled::condition_of_user;
        if let Some(compiled) = condition(&rule.expression, &path, &mut seen, compile, errors) {
            rules.push(Rule {
                expression: Arc::new(compiled),
                message: rule.message,
            });
        }
    }
    rules
}

/// Compiles a condition that is not there yet.
fn condition(
    text: &str,
    path: &Path,
    seen: &mut BTreeSet<String>,
    compile: fn(&str) -> Result<Compiled, String>,
    errors: &mut ErrorList,
) -> Option<Compiled> {
    let path = path.child("expression");
    if !seen.insert(text.to_owned()) {
        errors.push(FieldError::duplicate(&path, text));
        return None;
    }
    compile(text)
        .map_err(|why| errors.push(FieldError::invalid(&path, text, why)))
        .ok()
}
