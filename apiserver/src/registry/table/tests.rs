use std::collections::BTreeSet;

use super::*;

/// A row in the notation of `kubectl api-resources -o wide`.
fn describe(resource: &Resource) -> String {
    let verbs: Vec<_> = resource.verbs.iter().map(|v| v.as_str()).collect();
    format!(
        "{} {} {} {} {} {} [{}]",
        resource.plural,
        resource.short_names.join(","),
        resource.api_versions().collect::<Vec<_>>().join(","),
        if resource.namespaced { "ns" } else { "cluster" },
        resource.kind,
        resource.storage,
        match verbs.len() {
            8 => "all".to_owned(),
            _ => verbs.join(","),
        },
    )
}

#[test]
fn rows_are_upstreams() {
    let rows: Vec<_> = RESOURCES.iter().map(describe).collect();
    assert_eq!(
        rows,
        [
            "bindings  v1 ns Binding bindings [create]",
            "configmaps cm v1 ns ConfigMap configmaps [all]",
            "endpoints ep v1 ns Endpoints services/endpoints [all]",
            "events ev v1 ns Event events [all]",
            "limitranges limits v1 ns LimitRange limitranges [all]",
            "namespaces ns v1 cluster Namespace namespaces [create,delete,get,list,patch,update,watch]",
            "persistentvolumeclaims pvc v1 ns PersistentVolumeClaim persistentvolumeclaims [all]",
            "pods po v1 ns Pod pods [all]",
            "resourcequotas quota v1 ns ResourceQuota resourcequotas [all]",
            "secrets  v1 ns Secret secrets [all]",
            "serviceaccounts sa v1 ns ServiceAccount serviceaccounts [all]",
            "daemonsets ds apps/v1 ns DaemonSet daemonsets [all]",
            "deployments deploy apps/v1 ns Deployment deployments [all]",
            "replicasets rs apps/v1 ns ReplicaSet replicasets [all]",
            "statefulsets sts apps/v1 ns StatefulSet statefulsets [all]",
            "selfsubjectreviews  authentication.k8s.io/v1 cluster SelfSubjectReview selfsubjectreviews [create]",
            "tokenreviews  authentication.k8s.io/v1 cluster TokenReview tokenreviews [create]",
            "localsubjectaccessreviews  authorization.k8s.io/v1 ns LocalSubjectAccessReview localsubjectaccessreviews [create]",
            "selfsubjectaccessreviews  authorization.k8s.io/v1 cluster SelfSubjectAccessReview selfsubjectaccessreviews [create]",
            "selfsubjectrulesreviews  authorization.k8s.io/v1 cluster SelfSubjectRulesReview selfsubjectrulesreviews [create]",
            "subjectaccessreviews  authorization.k8s.io/v1 cluster SubjectAccessReview subjectaccessreviews [create]",
            "jobs  batch/v1 ns Job jobs [all]",
            "networkpolicies netpol networking.k8s.io/v1 ns NetworkPolicy networkpolicies [all]",
            "podsecuritypolicies psp policy/v1beta1,extensions/v1beta1 cluster PodSecurityPolicy podsecuritypolicy [all]",
            "clusterrolebindings  rbac.authorization.k8s.io/v1 cluster ClusterRoleBinding clusterrolebindings [all]",
            "clusterroles  rbac.authorization.k8s.io/v1 cluster ClusterRole clusterroles [all]",
            "rolebindings  rbac.authorization.k8s.io/v1 ns RoleBinding rolebindings [all]",
            "roles  rbac.authorization.k8s.io/v1 ns Role roles [all]",
            "storageclasses sc storage.k8s.io/v1 cluster StorageClass storageclasses [all]",
            "priorityclasses pc scheduling.k8s.io/v1 cluster PriorityClass priorityclasses [all]",
            "leases  coordination.k8s.io/v1 ns Lease leases [all]",
        ]
    );
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
fn cells_answer_to_columns_and_values_to_fields() {
    for resource in RESOURCES {
        let strategy = resource.strategy;
        let mut object = (resource.object_type.empty)();
        strategy.default(&mut *object);
        assert_eq!(
            strategy.cells(&*object).len(),
            strategy.columns().len(),
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
fn an_object_of_nothing_is_no_reason_to_panic() {
    for resource in RESOURCES {
        let strategy = resource.strategy;
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
