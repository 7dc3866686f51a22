use serde_json::json;

use super::*;

fn definition(plural: &str, kind: &str, short: &str) -> CustomResourceDefinition {
    serde_json::from_value(json!({
        "metadata": {"name": format!("{plural}.example.com")},
        "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"plural": plural, "singular": kind.to_lowercase(), "kind": kind,
                "listKind": format!("{kind}List"), "shortNames": [short]},
            "versions": [{"name": "v1", "served": true, "storage": true}]},
    }))
    .unwrap()
}

fn conditions(definition: &CustomResourceDefinition) -> Vec<String> {
    let conditions = definition
        .status
        .as_ref()
        .unwrap()
        .conditions
        .iter()
        .flatten();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    conditions
        .map(|c| {
            format!(
                "{}={} {}: {}",
                c.type_,
                c.status,
                text(&c.reason),
                text(&c.message)
            )
        })
        .collect()
}

#[test]
fn names_are_given_once() {
    let mut known = Definitions::new();
    let mut first = definition("widgets", "Widget", "wd");
    judge(&mut first, &known);
    assert_eq!(
        conditions(&first),
        [
            "NamesAccepted=True NoConflicts: no conflicts found",
            "Established=True InitialNamesAccepted: the initial names have been accepted",
        ]
    );
    known.insert("widgets.example.com".into(), Known::new(&first));
    let mut second = definition("gadgets", "Widget", "wd");
    judge(&mut second, &known);
    assert_eq!(
        conditions(&second),
        [
            "NamesAccepted=False ListKindConflict: \"WidgetList\" is already in use",
            "Established=False NotAccepted: not all names are accepted",
        ]
    );
    let accepted = second
        .status
        .as_ref()
        .unwrap()
        .accepted_names
        .as_ref()
        .unwrap();
    assert_eq!(
        (accepted.plural.as_str(), accepted.kind.as_str()),
        ("gadgets", "")
    );
    known.remove("widgets.example.com");
    judge(&mut second, &known);
    assert!(is_true(&second, ESTABLISHED));
    let before = first.status.clone();
    judge(&mut first, &known);
    assert_eq!(first.status, before, "nothing changes without a cause");
}

#[test]
fn kubernetes_own_groups_are_approved() {
    let mut own = definition("widgets", "Widget", "wd");
    own.spec.group = "example.k8s.io".into();
    let annotation = (
        "api-approved.kubernetes.io".to_owned(),
        "https://a/1".to_owned(),
    );
    own.metadata.annotations = Some([annotation].into());
    judge(&mut own, &Definitions::new());
    let expected =
        "KubernetesAPIApprovalPolicyConformant=True ApprovedAnnotation: approved in https://a/1";
    assert!(
        conditions(&own).iter().any(|c| c == expected),
        "{:?}",
        conditions(&own)
    );
}
