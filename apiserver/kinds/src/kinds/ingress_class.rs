//! Ingress classes: the controller of an ingress.

use k8s_openapi::api::networking::v1::{IngressClass, IngressClassParametersReference};
use portcullis_api::{ErrorList, FieldError, Path, name};

use crate::strategy::{Cell, Column, Strategy};
use crate::validation::names::{validate_domain_prefixed_path, validate_object_name};
use crate::validation::{IMMUTABLE, invalid_each, one_of, text};

const CONTROLLER_MAX: usize = 250;

/// The rules of ingress classes (upstream: `pkg/apis/networking/validation/validation.go`).
pub struct IngressClassStrategy;

impl Strategy for IngressClassStrategy {
    type Kind = IngressClass;

    fn default(&self, class: &mut IngressClass) {
        let spec = class.spec.get_or_insert_default();
        if let Some(parameters) = &mut spec.parameters {
            parameters.scope.get_or_insert_with(|| "Cluster".into());
        }
    }

    fn validate(&self, class: &IngressClass) -> ErrorList {
        let mut errors = ErrorList::new();
        let spec = class.spec.clone().unwrap_or_default();
        let path = Path::new("spec");
        let controller = text(spec.controller.as_ref());
        let controller_path = path.child("controller");
        if controller.len() > CONTROLLER_MAX {
            errors.push(FieldError::too_long(&controller_path, CONTROLLER_MAX));
        }
        validate_domain_prefixed_path(controller, &controller_path, &mut errors);
        if let Some(parameters) = &spec.parameters {
            validate_parameters(parameters, &path.child("parameters"), &mut errors);
        }
        errors
    }

    fn validate_update(&self, class: &IngressClass, old: &IngressClass) -> ErrorList {
        let mut errors = ErrorList::new();
        let controller = |class: &IngressClass| {
            let spec = class.spec.as_ref();
            text(spec.and_then(|s| s.controller.as_ref())).to_owned()
        };
        let new = controller(class);
        if new != controller(old) {
            let path = Path::new("spec").child("controller");
            errors.push(FieldError::invalid(&path, &new, IMMUTABLE));
        }
        errors.extend(self.validate(class));
        errors
    }

    fn spec_changed(&self, class: &IngressClass, old: &IngressClass) -> Option<bool> {
        Some(class.spec != old.spec)
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 4] = [
            Column::NAME,
            Column::text(
                "Controller",
                "Controller that is responsible for handling this class",
            ),
            Column::text(
                "Parameters",
                "A reference to a resource with additional parameters",
            ),
            Column::AGE,
        ];
        &COLUMNS
    }

    fn cells(&self, class: &IngressClass) -> Vec<Cell> {
        let spec = class.spec.as_ref();
        let parameters = spec
            .and_then(|s| s.parameters.as_ref())
            .map(|p| match &p.api_group {
                Some(group) => format!("{}.{group}/{}", p.kind, p.name),
                None => format!("{}/{}", p.kind, p.name),
            });
        vec![
            Cell::name(class),
            Cell::text(text(spec.and_then(|s| s.controller.as_ref()))),
            Cell::text(parameters.unwrap_or_else(|| "<none>".to_owned())),
            Cell::age(class),
        ]
    }
}

fn validate_parameters(
    parameters: &IngressClassParametersReference,
    path: &Path,
    errors: &mut ErrorList,
) {
    if let Some(group) = &parameters.api_group {
        let sentences = name::dns1123_subdomain(group);
        invalid_each(&path.child("apiGroup"), group, sentences, errors);
    }
    validate_object_name(&parameters.kind, &path.child("kind"), errors);
    validate_object_name(&parameters.name, &path.child("name"), errors);
    let scope = text(parameters.scope.as_ref());
    one_of(
        scope,
        &["Cluster", "Namespace"],
        &path.child("scope"),
        errors,
    );
    let path = path.child("namespace");
    match (scope, &parameters.namespace) {
        ("Namespace", None) => {
            let detail = "`parameters.scope` is set to 'Namespace'";
            errors.push(FieldError::required(&path, detail));
        }
        ("Namespace", Some(namespace)) => {
            invalid_each(&path, namespace, name::dns1123_label(namespace), errors);
        }
        ("Cluster", Some(_)) => {
            let detail = "`parameters.scope` is set to 'Cluster'";
            errors.push(FieldError::forbidden(&path, detail));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::testing::{defaulted, mistakes, update_mistakes};

    const RULES: &IngressClassStrategy = &IngressClassStrategy;

    #[test]
    fn the_controller_of_a_class_is_immutable() {
        assert_eq!(
            mistakes(RULES, &json!({"spec": {}})),
            ["spec.controller: Required value"]
        );
        assert_eq!(
            mistakes(RULES, &json!({"spec": {"controller": "nginx"}})),
            [
                "spec.controller: Invalid value: \"nginx\": must be a domain-prefixed path (such as \"acme.io/foo\")"
            ]
        );
        let class = |controller: &str| json!({"spec": {"controller": controller}});
        assert_eq!(
            update_mistakes(RULES, &class("a.b/c"), &class("a.b/d")),
            ["spec.controller: Invalid value: \"a.b/c\": field is immutable"]
        );
    }

    #[test]
    fn parameters_are_cluster_scoped_or_namespaced() {
        let class = |parameters| json!({"spec": {"controller": "a.b/c", "parameters": parameters}});
        let of_cluster = class(json!({"kind": "K", "name": "n"}));
        assert!(mistakes(RULES, &of_cluster).is_empty());
        let spec = defaulted(RULES, &of_cluster).spec.unwrap();
        assert_eq!(spec.parameters.unwrap().scope.as_deref(), Some("Cluster"));
        for (parameters, field) in [
            (json!({"kind": "", "name": "n"}), "kind"),
            (json!({"kind": "K", "name": "a/b"}), "name"),
            (json!({"kind": "K", "name": "n", "scope": "x"}), "scope"),
            (
                json!({"kind": "K", "name": "n", "scope": "Namespace"}),
                "namespace",
            ),
            (
                json!({"kind": "K", "name": "n", "namespace": "x"}),
                "namespace",
            ),
            (
                json!({"kind": "K", "name": "n", "apiGroup": "A"}),
                "apiGroup",
            ),
        ] {
            let found = mistakes(RULES, &class(parameters));
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(
                found[0].starts_with(&format!("spec.parameters.{field}: ")),
                "{found:?}"
            );
        }
    }
}
