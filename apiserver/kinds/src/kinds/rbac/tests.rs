use serde_json::json;

use super::*;
use crate::kinds::testing::{defaulted, mistakes, update_mistakes};
use crate::strategy::{Cell, Strategy};

#[test]
fn rules_apply_to_resources_or_to_urls() {
    for (rule, texts) in [
        (
            json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}),
            vec![],
        ),
        (
            json!({"verbs": []}),
            vec![
                "rules[0].verbs: Required value: verbs must contain at least one value",
                "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
                "rules[0].resources: Required value: resource rules must supply at least one resource",
            ],
        ),
        (
            json!({"verbs": ["get"], "nonResourceURLs": ["/a"], "apiGroups": [""]}),
            vec![
                "rules[0].nonResourceURLs: Invalid value: []string{\"/a\"}: namespaced rules cannot apply to non-resource URLs",
                "rules[0].nonResourceURLs: Invalid value: []string{\"/a\"}: rules cannot apply to both regular resources and non-resource URLs",
            ],
        ),
    ] {
        let role = json!({"rules": [rule]});
        assert_eq!(mistakes(&RoleStrategy, &role), texts, "{role}");
    }
    let role = json!({"rules": [{"verbs": ["get"], "nonResourceURLs": ["/a"]}]});
    assert!(mistakes(&ClusterRoleStrategy, &role).is_empty());
}

#[test]
fn aggregation_selects_something() {
    let role = json!({"aggregationRule": {}});
    assert_eq!(
        mistakes(&ClusterRoleStrategy, &role),
        [
            "aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil"
        ]
    );
}

#[test]
fn groups_are_defaulted_by_kind() {
    let binding = json!({
        "roleRef": {"kind": "Role", "name": "r"},
        "subjects": [{"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "s", "namespace": "n"}],
    });
    let binding = defaulted(&ROLE_BINDING_STRATEGY, &binding);
    assert_eq!(binding.role_ref.api_group.as_deref(), Some(GROUP));
    let subjects = binding.subjects.clone().unwrap();
    assert_eq!(subjects[0].api_group.as_deref(), Some(GROUP));
    assert_eq!(subjects[1].api_group, None);
    assert_eq!(
        ROLE_BINDING_STRATEGY.cells(&binding)[1..],
        [
            Cell::text("Role/r"),
            Cell::Since(None),
            Cell::text("u"),
            Cell::text(""),
            Cell::text("n/s"),
        ]
    );
}

#[test]
fn subjects_and_roles_are_known_kinds() {
    let binding = json!({
        "roleRef": {"kind": "Role", "name": "a/b"},
        "subjects": [
            {"kind": "ServiceAccount", "name": "A", "apiGroup": "x"},
            {"kind": "Group"},
            {"kind": "Robot", "name": "r"},
        ],
    });
    let name = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    assert_eq!(
        mistakes(&CLUSTER_ROLE_BINDING_STRATEGY, &binding),
        [
            "roleRef.kind: Unsupported value: \"Role\": supported values: \"ClusterRole\"",
            "roleRef.name: Invalid value: \"a/b\": may not contain '/'",
            &format!("subjects[0].name: Invalid value: \"A\": {name}"),
            "subjects[0].apiGroup: Unsupported value: \"x\": supported values: \"\"",
            "subjects[0].namespace: Required value",
            "subjects[1].name: Required value",
            "subjects[2].kind: Unsupported value: \"Robot\": supported values: \"ServiceAccount\", \"User\", \"Group\"",
        ]
    );
}

#[test]
fn a_binding_keeps_its_role() {
    let old = json!({"roleRef": {"kind": "ClusterRole", "name": "view"}});
    let new = json!({"roleRef": {"kind": "ClusterRole", "name": "edit"}});
    let text = "roleRef: Invalid value: rbac.RoleRef{APIGroup:\"rbac.authorization.k8s.io\", Kind:\"ClusterRole\", Name:\"edit\"}: cannot change roleRef";
    assert_eq!(update_mistakes(&ROLE_BINDING_STRATEGY, &new, &old), [text]);
    assert_eq!(
        update_mistakes(&CLUSTER_ROLE_BINDING_STRATEGY, &new, &old),
        [text]
    );
    assert!(update_mistakes(&ROLE_BINDING_STRATEGY, &old, &old).is_empty());
}

/// Upstream validates a changed one twice.
#[test]
fn mistakes_of_a_change_are_reported_twice() {
    let role = json!({"rules": [{"verbs": ["get"], "apiGroups": [""]}]});
    let error =
        "rules[0].resources: Required value: resource rules must supply at least one resource";
    assert_eq!(mistakes(&RoleStrategy, &role), [error]);
    assert_eq!(update_mistakes(&RoleStrategy, &role, &role), [error; 2]);
    assert_eq!(
        update_mistakes(&ClusterRoleStrategy, &role, &role),
        [error; 2]
    );
}
