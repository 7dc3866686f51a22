mod stable;

use std::collections::BTreeSet;

use super::*;

/// Resources stored under another key than their plural (upstream:
/// `SpecialDefaultResourcePrefixes` in `pkg/kubeapiserver/default_storage_factory_builder.go`).
#[test]
fn keys_are_upstreams() {
    for resource in RESOURCES {
        let key = match (resource.group, resource.plural) {
            ("", "replicationcontrollers") => "controllers",
            ("", "endpoints") => "services/endpoints",
            ("", "nodes") => "minions",
            ("", "services") => "services/specs",
            ("networking.k8s.io", "ingresses") => "ingress",
            ("policy", "podsecuritypolicies") => "podsecuritypolicy",
            ("apiextensions.k8s.io", "customresourcedefinitions") => {
                "apiextensions.k8s.io/customresourcedefinitions"
            }
            ("apiregistration.k8s.io", "apiservices") => "apiregistration.k8s.io/apiservices",
            (_, plural) => plural,
        };
        assert_eq!(resource.storage, key);
    }
}

#[test]
fn names_are_unique_and_subresources_sorted() {
    let mut names = BTreeSet::new();
    for resource in RESOURCES {
        for version in resource.api_versions() {
            assert!(
                names.insert(format!("{version}/{}", resource.plural)),
                "{} twice",
                resource.plural
            );
        }
        let subresources: Vec<_> = resource.subresources.iter().map(|s| s.name).collect();
        assert!(subresources.is_sorted(), "{subresources:?}");
    }
}

#[test]
fn cells_match_columns_and_values_match_fields() {
    for resource in RESOURCES {
        let strategy = &resource.strategy;
        let mut object = (resource.object_type.empty)();
        strategy.default(&mut *object);
        assert_eq!(
            strategy.cells(&*object).len(),
            strategy.table_columns("").len(),
            "{}",
            resource.kind
        );
        assert_eq!(
            strategy.field_values(&*object).len(),
            strategy.selectable_fields().len(),
            "{}",
            resource.kind
        );
    }
}

#[test]
fn an_empty_object_causes_no_panic() {
    for resource in RESOURCES {
        let strategy = &resource.strategy;
        let old = (resource.object_type.empty)();
        let mut object = old.clone();
        strategy.prepare_for_create(&mut *object);
        strategy.default(&mut *object);
        strategy.prepare_for_update(&mut *object, &*old);
        strategy.prepare_status_update(&mut *object, &*old);
        strategy.validate(&*object);
        strategy.validate_update(&*object, &*old);
        strategy.validate_update(&*old, &*object);
        strategy.validate_status_update(&*old, &*object);
        assert_eq!(strategy.warnings(&*object), Vec::<String>::new());
        assert_ne!(strategy.spec_changed(&*old, &*old), Some(true));
    }
}

/// Upstream: `ReturnDeletedObject` of the storages in `pkg/registry`; namespaces and definitions have storages
/// of their own, which return what they mark.
#[test]
fn these_kinds_return_what_is_deleted() {
    let returning = RESOURCES.iter().filter(|r| r.strategy.returns_deleted());
    let returning: BTreeSet<_> = returning.map(|r| r.plural).collect();
    let expected = BTreeSet::from([
        "csidrivers",
        "csinodes",
        "customresourcedefinitions",
        "namespaces",
        "persistentvolumeclaims",
        "persistentvolumes",
        "pods",
        "podsecuritypolicies",
        "podtemplates",
        "resourcequotas",
        "serviceaccounts",
        "services",
        "storageclasses",
        "volumeattachments",
        "volumeattributesclasses",
    ]);
    assert_eq!(returning, expected);
}

/// Clients write protobuf in every served version; an empty message is an object with nothing set.
#[test]
fn every_served_version_is_known_in_protobuf() {
    use portcullis_api::protobuf::Envelope;
    let known = |api_version: &str, kind: &str| {
        let raw = &[];
        let envelope = Envelope {
            api_version,
            kind,
            raw,
        };
        let read = envelope.to_value();
        assert!(read.is_ok(), "{api_version} {kind}: {read:?}");
    };
    // definitions are read as JSON and YAML only (docs/differences.md)
    let in_protobuf = |r: &&Resource| r.supports(Verb::Create) && r.group != "apiextensions.k8s.io";
    for resource in RESOURCES.iter().filter(in_protobuf) {
        for api_version in resource.api_versions() {
            known(&api_version, resource.kind);
        }
        for subresource in resource.subresources {
            let posted = subresource.verbs.contains(&Verb::Create);
            if posted && !subresource.kind.ends_with("Options") {
                let own = resource.api_version();
                known(subresource.group_version.unwrap_or(&own), subresource.kind);
            }
        }
    }
    known("autoscaling/v1", "Scale");
}
