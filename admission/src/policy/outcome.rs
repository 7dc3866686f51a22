//! The combined result of all policies.
//!
//! Upstream: `policy/validating/dispatcher.go`.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_api::Status;
use portcullis_api::status::{Cause, Details, Reason};
use serde::Serialize;

use super::findings::{Failed, Findings};
use super::invocations::Misconfigured;
use crate::Attributes;
use crate::metrics::policies::{Checked, ErrorType, PolicyMetrics};
use crate::policies::base::Base;
use crate::policies::binding::Binding;

/// Upstream: `maxValidationFailures`, and `maxAuditAnnotationValueLength`.
const LISTED_MAX: usize = 50;
const ANNOTATION_MAX: usize = 10 * 1024;

/// What is decided about a request.
pub(crate) struct Outcome<'p> {
    denial: Option<Denied>,
    audited: Vec<Audited<'p>>,
    metrics: &'p PolicyMetrics,
}

/// The first denial, which is the one that the client gets.
struct Denied {
    message: String,
    reason: String,
}

/// A failure in the audit log.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Audited<'p> {
    message: String,
    policy: &'p str,
    binding: &'p str,
    expression_index: usize,
    validation_actions: &'p [String],
}

/// Annotations of one policy, whose bindings may give several values to a key.
#[derive(Default)]
pub(crate) struct Annotations(BTreeMap<String, Vec<String>>);

impl Annotations {
    fn add(&mut self, key: String, mut value: String) {
        let mut end = ANNOTATION_MAX.min(value.len());
        while !value.is_char_boundary(end) {
            end -= 1;
        }
        value.truncate(end);
        let values = self.0.entry(key).or_default();
        if !values.contains(&value) {
            values.push(value);
        }
    }

    pub(crate) fn publish(self, policy: &Base, attributes: &Attributes<'_>) {
        for (key, values) in self.0 {
            let key = format!("{}/{key}", policy.name);
            attributes.audit_annotations.add(&key, &values.join(", "));
        }
    }
}

impl<'p> Outcome<'p> {
    /// Nothing is decided yet.
    pub(crate) const fn counted_by(metrics: &'p PolicyMetrics) -> Self {
        Self {
            denial: None,
            audited: Vec::new(),
            metrics,
        }
    }

    /// A policy, or one of its bindings, cannot be used.
    pub(crate) fn misconfigured(&mut self, policy: &Base, wrong: &Misconfigured<'_>) {
        if !policy.fails_open {
            self.deny(policy, wrong.binding, &wrong.message(), "");
        }
    }

    /// Adds the findings of a policy, by the actions of a binding.
    pub(crate) fn take(
        &mut self,
        findings: Findings,
        policy: &Base,
        binding: &'p Binding,
        annotations: &mut Annotations,
        attributes: &Attributes<'_>,
    ) {
        for failed in findings.failures {
            self.failed(&failed, policy, binding, attributes);
        }
        for (key, value) in findings.annotations {
            annotations.add(key, value);
        }
        for error in findings.annotation_errors {
            self.count(
                policy,
                binding,
                ErrorType::of(&error),
                "deny",
                Duration::ZERO,
            );
            self.deny(policy, Some(binding), &error, "");
        }
    }

    fn failed(
        &mut self,
        failed: &Failed,
        policy: &Base,
        binding: &'p Binding,
        attributes: &Attributes<'_>,
    ) {
        let actions = binding.actions.as_slice();
        let message = &failed.message;
        for action in actions {
            let counted = match action.as_str() {
                "Deny" => "deny",
                "Audit" => "audit",
                "Warn" => "warn",
                _ => continue,
            };
            self.count(policy, binding, failed.error, counted, failed.took);
            match counted {
                "deny" => self.deny(policy, Some(binding), message, &failed.reason),
                "audit" if self.audited.len() < LISTED_MAX => self.audited.push(Audited {
                    message: message.clone(),
                    policy: &binding.policy,
                    binding: &binding.name,
                    expression_index: failed.index,
                    validation_actions: actions,
                }),
                "warn" => attributes.warnings.add(format!(
                    "Validation failed for ValidatingAdmissionPolicy '{}' with binding '{}': {message}",
                    policy.name, binding.name
                )),
                _ => {}
            }
        }
    }

    fn count(
        &self,
        policy: &Base,
        binding: &Binding,
        error: ErrorType,
        action: &'static str,
        took: Duration,
    ) {
        let check = Checked {
            policy: &policy.name,
            binding: &binding.name,
            error,
            action,
        };
        self.metrics.observe(&check, took);
    }

    fn deny(&mut self, policy: &Base, binding: Option<&Binding>, why: &str, reason: &str) {
        let name = &policy.name;
        self.denial.get_or_insert_with(|| Denied {
            message: match binding {
                Some(binding) => format!(
                    "ValidatingAdmissionPolicy '{name}' with binding '{}' denied request: {why}",
                    binding.name
                ),
                None => format!("ValidatingAdmissionPolicy '{name}' denied request: {why}"),
            },
            reason: reason.to_owned(),
        });
    }

    /// The result for the request.
    ///
    /// # Errors
    /// The first denial.
    pub(crate) fn conclude(self, attributes: &Attributes<'_>) -> Result<(), Status> {
        if !self.audited.is_empty() {
            let key = "validation.policy.admission.k8s.io/validation_failure";
            // it cannot fail: all keys are text
            let value = serde_json::to_string(&self.audited).unwrap_or_default();
            attributes.audit_annotations.add(key, &value);
        }
        self.denial
            .map_or(Ok(()), |denied| Err(denied.status(attributes)))
    }
}

impl Denied {
    fn status(self, attributes: &Attributes<'_>) -> Status {
        let forbidden = attributes.forbidden(&self.message);
        let reason = match self.reason.as_str() {
            "" => "Invalid",
            reason => reason,
        };
        let code = match reason {
            "Forbidden" => Reason::Forbidden,
            "Unauthorized" => Reason::Unauthorized,
            "RequestEntityTooLarge" => Reason::RequestEntityTooLarge,
            _ => Reason::Invalid,
        };
        let mut details = forbidden
            .details
            .map_or_else(Details::default, |details| *details);
        details.causes.push(Cause {
            message: self.message,
            ..Cause::default()
        });
        Status::failure(code, forbidden.message)
            .with_reason(reason)
            .with_details(details)
    }
}
