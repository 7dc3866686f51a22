use super::*;
use crate::bootstrap;
use crate::testing::{binding, cluster_binding, rule, subject};

fn find<T>(all: Vec<T>, name: &str, metadata: impl Fn(&T) -> &ObjectMeta) -> T {
    all.into_iter()
        .find(|o| metadata(o).name.as_deref() == Some(name))
        .unwrap()
}

fn edit() -> ClusterRole {
    find(
        bootstrap::cluster_roles(),
        "system:aggregate-to-edit",
        |r| &r.metadata,
    )
}

#[test]
fn missing_objects_are_created_and_complete_ones_are_unchanged() {
    for expected in bootstrap::cluster_roles() {
        assert_eq!(
            cluster_role(None, expected.clone()),
            Step::Create(expected.clone())
        );
        assert_eq!(
            cluster_role(Some(&expected), expected.clone()),
            Step::Nothing
        );
    }
    for expected in bootstrap::roles() {
        assert_eq!(role(None, expected.clone()), Step::Create(expected.clone()));
        assert_eq!(role(Some(&expected), expected.clone()), Step::Nothing);
    }
    for expected in bootstrap::cluster_role_bindings() {
        assert_eq!(
            cluster_role_binding(None, expected.clone()),
            Step::Create(expected.clone())
        );
        assert_eq!(
            cluster_role_binding(Some(&expected), expected.clone()),
            Step::Nothing
        );
    }
    for expected in bootstrap::role_bindings() {
        assert_eq!(
            role_binding(None, expected.clone()),
            Step::Create(expected.clone())
        );
        assert_eq!(
            role_binding(Some(&expected), expected.clone()),
            Step::Nothing
        );
    }
}

#[test]
fn missing_rules_are_added_and_extra_rules_are_kept() {
    let mut existing = edit();
    let own = rule(&["use"], &["policy"], &["podsecuritypolicies"]);
    let rules = existing.rules.as_mut().unwrap();
    let writes_secrets = |rule: &&mut PolicyRule| {
        let resources = rule.resources.iter().flatten();
        resources.clone().any(|r| r == "secrets") && rule.verbs.iter().any(|v| v == "patch")
    };
    let changed = rules.iter_mut().find(writes_secrets).unwrap();
    changed.verbs.retain(|verb| verb != "patch");
    rules.push(own.clone());
    existing.metadata.resource_version = Some("7".into());
    existing.metadata.labels = Some(BTreeMap::from([("mine".into(), "x".into())]));
    let Step::Update(updated) = cluster_role(Some(&existing), edit()) else {
        panic!()
    };
    assert_eq!(updated.metadata.resource_version.as_deref(), Some("7"));
    let labels = updated.metadata.labels.clone().unwrap();
    assert_eq!(labels.len(), 3);
    assert_eq!(labels["mine"], "x");
    let rules = updated.rules.clone().unwrap();
    assert!(rules.contains(&own));
    // Each missing permission is added as a separate rule.
    assert!(rules.contains(&rule(&["patch"], &[""], &["secrets"])));
    assert_eq!(cluster_role(Some(&updated), edit()), Step::Nothing);
}

#[test]
fn objects_that_opt_out_are_unchanged() {
    let off = || {
        Some(BTreeMap::from([(
            AUTOUPDATE.to_owned(),
            "false".to_owned(),
        )]))
    };
    let mut existing = edit();
    existing.rules = None;
    existing.metadata.annotations = off();
    assert_eq!(cluster_role(Some(&existing), edit()), Step::Nothing);
    let mut other = cluster_binding("a", "ClusterRole/b", &[]);
    other.metadata.annotations = off();
    let expected = cluster_binding("a", "ClusterRole/c", &["User/x"]);
    assert_eq!(cluster_role_binding(Some(&other), expected), Step::Nothing);
}

#[test]
fn aggregated_roles_keep_their_rules_and_get_missing_selectors() {
    let admin = || find(bootstrap::cluster_roles(), "admin", |r| &r.metadata);
    let mut existing = admin();
    existing.rules = None;
    assert_eq!(cluster_role(Some(&existing), admin()), Step::Nothing);
    existing.aggregation_rule = None;
    let Step::Update(updated) = cluster_role(Some(&existing), admin()) else {
        panic!()
    };
    assert_eq!(updated.aggregation_rule, admin().aggregation_rule);
    assert_eq!(updated.rules, None);
}

#[test]
fn unexpected_aggregation_rules_are_removed() {
    let mut existing = edit();
    existing.aggregation_rule =
        find(bootstrap::cluster_roles(), "view", |r| &r.metadata).aggregation_rule;
    assert_eq!(cluster_role(Some(&existing), edit()), Step::Update(edit()));
}

#[test]
fn bindings_get_missing_subjects_or_are_recreated() {
    let expected = || cluster_binding("a", "ClusterRole/r", &["Group/g", "ServiceAccount/s/n"]);
    let existing = cluster_binding("a", "ClusterRole/r", &["User/mine", "ServiceAccount/s/m"]);
    let Step::Update(updated) = cluster_role_binding(Some(&existing), expected()) else {
        panic!()
    };
    let all = [
        "User/mine",
        "ServiceAccount/s/m",
        "Group/g",
        "ServiceAccount/s/n",
    ]
    .map(subject);
    assert_eq!(updated.subjects.as_deref(), Some(&all[..]));
    let other = cluster_binding("a", "ClusterRole/other", &["User/mine"]);
    assert_eq!(
        cluster_role_binding(Some(&other), expected()),
        Step::Recreate(expected())
    );

    // The namespace of a service account defaults to the binding's.
    let existing = binding("n", "a", "Role/r", &["ServiceAccount/s"]);
    let expected = binding("n", "a", "Role/r", &["ServiceAccount/s/n"]);
    assert_eq!(role_binding(Some(&existing), expected), Step::Nothing);
}
