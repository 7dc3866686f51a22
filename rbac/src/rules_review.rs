//! The status of a `SelfSubjectRulesReview`: the rules that apply to a user in a namespace.

use k8s_openapi::api::authorization::v1::{
    NonResourceRule, ResourceRule, SubjectRulesReviewStatus,
};
use k8s_openapi::api::rbac::v1::PolicyRule;

use crate::aggregate::aggregate;
use crate::index::Resolved;
use crate::rule::items;

/// Converts rules to a status (upstream: `RBACAuthorizer.RulesFor`).
pub(crate) fn status(resolved: Resolved) -> SubjectRulesReviewStatus {
    let mut status = SubjectRulesReviewStatus {
        evaluation_error: aggregate(&resolved.errors),
        ..SubjectRulesReviewStatus::default()
    };
    for rule in resolved.rules {
        let PolicyRule {
            api_groups,
            non_resource_urls,
            resource_names,
            resources,
            verbs,
        } = rule;
        if !items(&non_resource_urls).is_empty() {
            let verbs = verbs.clone();
            status.non_resource_rules.push(NonResourceRule {
                non_resource_urls,
                verbs,
            });
        }
        if !items(&resources).is_empty() {
            status.resource_rules.push(ResourceRule {
                api_groups,
                resource_names,
                resources,
                verbs,
            });
        }
    }
    status
}

/// Merges the statuses of several authorizers (upstream: `unionAuthzRulesHandler`).
pub(crate) fn join(
    statuses: impl IntoIterator<Item = SubjectRulesReviewStatus>,
) -> SubjectRulesReviewStatus {
    let mut all = SubjectRulesReviewStatus::default();
    let mut errors = Vec::new();
    for status in statuses {
        all.incomplete |= status.incomplete;
        all.resource_rules.extend(status.resource_rules);
        all.non_resource_rules.extend(status.non_resource_rules);
        errors.extend(status.evaluation_error);
    }
    all.evaluation_error = aggregate(&errors);
    all
}

/// The status that allows everything.
pub(crate) fn everything() -> SubjectRulesReviewStatus {
    let all = || vec!["*".to_owned()];
    SubjectRulesReviewStatus {
        resource_rules: vec![ResourceRule {
            api_groups: Some(all()),
            resources: Some(all()),
            verbs: all(),
            resource_names: None,
        }],
        non_resource_rules: vec![NonResourceRule {
            non_resource_urls: Some(all()),
            verbs: all(),
        }],
        ..SubjectRulesReviewStatus::default()
    }
}
