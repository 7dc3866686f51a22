//! The data source of a claim: an older field for claims and snapshots, and a newer one for any kind
//! (upstream: `pkg/api/persistentvolumeclaim/util.go`).

use k8s_openapi::api::core::v1::{
    PersistentVolumeClaimSpec, TypedLocalObjectReference, TypedObjectReference,
};

use crate::validation::text;

/// The older field alone accepts only claims and snapshots and drops other kinds silently, unless the claim
/// had data before.
pub(super) fn drop_odd(
    spec: &mut PersistentVolumeClaimSpec,
    old: Option<&PersistentVolumeClaimSpec>,
) {
    let in_use = old.is_some_and(|o| o.data_source.is_some() || o.data_source_ref.is_some());
    if in_use || spec.data_source_ref.is_some() {
        return;
    }
    spec.data_source = spec.data_source.take().filter(|source| {
        let group = text(source.api_group.as_ref());
        matches!(
            (group, source.kind.as_str()),
            ("", "PersistentVolumeClaim") | ("snapshot.storage.k8s.io", "VolumeSnapshot")
        )
    });
}

/// Copies one field to the other; the older one cannot have namespaces.
pub(super) fn fill_in(spec: &mut PersistentVolumeClaimSpec) {
    match (&spec.data_source, &spec.data_source_ref) {
        (Some(source), None) => {
            spec.data_source_ref = Some(TypedObjectReference {
                api_group: source.api_group.clone(),
                kind: source.kind.clone(),
                name: source.name.clone(),
                namespace: None,
            });
        }
        (None, Some(source)) if text(source.namespace.as_ref()).is_empty() => {
            spec.data_source = Some(TypedLocalObjectReference {
                api_group: source.api_group.clone(),
                kind: source.kind.clone(),
                name: source.name.clone(),
            });
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::PersistentVolumeClaimStrategy;
    use crate::kinds::testing::{defaulted, prepared, written};
    use crate::strategy::Strategy;

    fn sources(spec: &Value) -> [Value; 2] {
        ["dataSource", "dataSourceRef"].map(|field| spec[field].clone())
    }

    #[test]
    fn both_fields_are_filled_in() {
        let claim = json!({"apiGroup": null, "kind": "PersistentVolumeClaim", "name": "c"});
        let group = "snapshot.storage.k8s.io";
        let snapshot = json!({"apiGroup": group, "kind": "VolumeSnapshot", "name": "s"});
        let other = json!({"apiGroup": "a.b", "kind": "Other", "name": "o"});
        let far = json!({"apiGroup": null, "kind": "PersistentVolumeClaim", "name": "c", "namespace": "n"});
        let none = &Value::Null;
        for (given, source, any) in [
            (json!({}), none, none),
            (json!({"dataSource": claim}), &claim, &claim),
            (json!({"dataSource": snapshot}), &snapshot, &snapshot),
            (json!({"dataSource": other}), none, none),
            (json!({"dataSourceRef": other}), &other, &other),
            (json!({"dataSourceRef": far}), none, &far),
            (
                json!({"dataSource": other, "dataSourceRef": claim}),
                &other,
                &claim,
            ),
        ] {
            let made = prepared(&PersistentVolumeClaimStrategy, &json!({"spec": given}));
            let expected = [source.clone(), any.clone()];
            assert_eq!(sources(&written(&made.spec)), expected, "{given}");
        }
    }

    #[test]
    fn clients_with_one_field_change_nothing() {
        let strategy = PersistentVolumeClaimStrategy;
        let spec = json!({"accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}}});
        let with = |sources: Value| {
            let mut spec = spec.clone();
            for (field, source) in sources.as_object().unwrap() {
                spec[field] = source.clone();
            }
            json!({"spec": spec})
        };
        let claim = json!({"kind": "PersistentVolumeClaim", "name": "c"});
        let other = json!({"apiGroup": "a.b", "kind": "Other", "name": "o"});
        let immutable = vec![
            "spec: Forbidden: spec is immutable after creation except resources.requests for bound claims",
        ];
        for (old, new, mistakes) in [
            (
                json!({"dataSource": claim}),
                json!({"dataSource": claim}),
                vec![],
            ),
            (json!({"dataSource": claim}), json!({}), immutable.clone()),
            (json!({}), json!({"dataSource": other}), vec![]),
            (json!({}), json!({"dataSource": claim}), immutable.clone()),
            (
                json!({"dataSourceRef": other}),
                json!({"dataSource": other}),
                vec![],
            ),
            (
                json!({"dataSource": claim}),
                json!({"dataSource": other}),
                immutable,
            ),
        ] {
            // as stored by an older server, without the other field
            let kept = defaulted(&strategy, &with(old.clone()));
            let mut changed = defaulted(&strategy, &with(new.clone()));
            strategy.prepare_for_update(&mut changed, &kept);
            let errors = strategy.validate_update(&changed, &kept);
            let found: Vec<_> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(found, mistakes, "{old} to {new}");
        }
    }
}
