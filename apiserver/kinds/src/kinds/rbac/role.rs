//! Roles and cluster roles.

use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role};
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path, name};

use crate::strategy::{MetadataChecks, Strategy};
use crate::validation::labels::validate_label_selector;
use crate::validation::{go_strings, list, twice};

/// The rules of roles.
pub struct RoleStrategy;

impl Strategy for RoleStrategy {
    type Kind = Role;

    fn metadata_checks(&self) -> MetadataChecks {
        MetadataChecks::MOST.changing(2, 1)
    }

    fn validate(&self, role: &Role) -> ErrorList {
        let mut errors = ErrorList::new();
        validate_rules(role.rules.as_ref(), true, &mut errors);
        errors
    }

    fn validate_update(&self, role: &Role, _: &Role) -> ErrorList {
        twice(self.validate(role))
    }

    fn validate_name(&self, value: &str) -> Vec<String> {
        name::path_segment(value)
    }
}

/// The rules of cluster roles.
pub struct ClusterRoleStrategy;

impl Strategy for ClusterRoleStrategy {
    type Kind = ClusterRole;

    fn metadata_checks(&self) -> MetadataChecks {
        MetadataChecks::MOST.changing(2, 1)
    }

    fn validate(&self, role: &ClusterRole) -> ErrorList {
        let mut errors = ErrorList::new();
        validate_rules(role.rules.as_ref(), false, &mut errors);
        if let Some(aggregation) = &role.aggregation_rule {
            let path = Path::new("aggregationRule").child("clusterRoleSelectors");
            let selectors = list(aggregation.cluster_role_selectors.as_ref());
            if selectors.is_empty() {
                let detail =
                    "at least one clusterRoleSelector required if aggregationRule is non-nil";
                errors.push(FieldError::required(&path, detail));
            }
            for (i, selector) in selectors.iter().enumerate() {
                let (path, found) = (path.index(i), errors.len());
                validate_label_selector(Some(selector), &path, &mut errors);
                if errors.len() > found {
                    let detail = "invalid label selector.";
                    errors.push(FieldError::invalid(&path, BadValue::null(), detail));
                }
            }
        }
        errors
    }

    fn validate_update(&self, role: &ClusterRole, _: &ClusterRole) -> ErrorList {
        twice(self.validate(role))
    }

    fn validate_name(&self, value: &str) -> Vec<String> {
        name::path_segment(value)
    }
}

fn validate_rules(rules: Option<&Vec<PolicyRule>>, namespaced: bool, errors: &mut ErrorList) {
    for (i, rule) in list(rules).iter().enumerate() {
        validate_rule(rule, namespaced, &Path::new("rules").index(i), errors);
    }
}

/// A rule applies to resources or to URLs, never to both.
fn validate_rule(rule: &PolicyRule, namespaced: bool, path: &Path, errors: &mut ErrorList) {
    if rule.verbs.is_empty() {
        let detail = "verbs must contain at least one value";
        errors.push(FieldError::required(&path.child("verbs"), detail));
    }
    let groups = list(rule.api_groups.as_ref());
    let resources = list(rule.resources.as_ref());
    let urls = list(rule.non_resource_urls.as_ref());
    if !urls.is_empty() {
        let path = path.child("nonResourceURLs");
        let mut refuse =
            |detail: &str| errors.push(FieldError::invalid(&path, go_strings(urls), detail));
        if namespaced {
            refuse("namespaced rules cannot apply to non-resource URLs");
        }
        let names = list(rule.resource_names.as_ref());
        if !groups.is_empty() || !resources.is_empty() || !names.is_empty() {
            refuse("rules cannot apply to both regular resources and non-resource URLs");
        }
        return;
    }
    if groups.is_empty() {
        let detail = "resource rules must supply at least one api group";
        errors.push(FieldError::required(&path.child("apiGroups"), detail));
    }
    if resources.is_empty() {
        let detail = "resource rules must supply at least one resource";
        errors.push(FieldError::required(&path.child("resources"), detail));
    }
}
