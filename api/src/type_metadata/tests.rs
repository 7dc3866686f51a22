use super::*;

#[test]
fn the_table_is_sorted_and_valid() {
    assert!(table::TYPES.is_sorted_by(|a, b| a.name < b.name));
    assert!(table::TYPES.len() * 2 < SLOTS);
    assert!(of_type("").is_none() && of_type("NoSuchType").is_none());
    for t in table::TYPES {
        assert!(of_type(t.name).is_some_and(|found| std::ptr::eq(found, t)));
        let optional = t.fields.iter().skip_while(|f| f.always.is_some());
        assert!(optional.clone().all(|f| f.always.is_none()), "{}", t.name);
        let always = t.fields.len() - optional.count();
        assert!(always <= 64, "{}: the encoder tracks 64 fields", t.name);
        for f in t.fields {
            if let Some(zero) = f.always {
                serde_json::from_str::<serde_json::Value>(zero)
                    .unwrap_or_else(|e| panic!("{}.{}: {e}", t.name, f.name));
            }
        }
    }
}

#[test]
fn pointers_and_fields_without_omitempty_keep_empty_values() {
    for (owner, name) in [
        ("PodSpec", "automountServiceAccountToken"),
        ("Container", "name"),
        ("HostPathVolumeSource", "type"),
        ("DeploymentSpec", "replicas"),
        ("PodSecurityPolicySpec", "allowPrivilegeEscalation"),
        ("SecurityContext", "privileged"),
        ("RollingUpdateDeployment", "maxSurge"),
        ("SubjectAccessReviewStatus", "allowed"),
        ("ConfigMap", "immutable"),
        ("HostPortRange", "min"),
    ] {
        assert!(keeps_empty(owner, name), "{owner}.{name}");
    }
    for (owner, name) in [
        ("PodSpec", "hostNetwork"),
        ("ContainerPort", "hostPort"),
        ("PodSecurityPolicySpec", "privileged"),
        ("RoleBinding", "subjects"),
        ("ObjectMeta", "labels"),
        ("NoSuchType", "name"),
    ] {
        assert!(!keeps_empty(owner, name), "{owner}.{name}");
    }
}

#[test]
fn unset_fields_are_written_as_go_writes_them() {
    for (owner, name, zero) in [
        ("ClusterRole", "rules", Some("null")),
        ("Container", "resources", Some("{}")),
        ("ServiceStatus", "loadBalancer", Some("{}")),
        ("DaemonSetStatus", "numberReady", Some("0")),
        ("PodCondition", "lastProbeTime", Some("null")),
        ("ResourceFieldSelector", "divisor", Some("\"0\"")),
        ("ClusterRole", "aggregationRule", None),
        ("PodSpec", "securityContext", None),
    ] {
        assert_eq!(
            field(owner, name).and_then(|f| f.always),
            zero,
            "{owner}.{name}"
        );
    }
}

#[test]
fn kinds_of_the_same_name_are_distinguished() {
    for (api_version, kind, field, other) in [
        ("v1", "Event", "involvedObject", "regarding"),
        ("events.k8s.io/v1", "Event", "regarding", "involvedObject"),
        ("storage.k8s.io/v1", "TokenRequest", "audience", "spec"),
        (
            "authentication.k8s.io/v1",
            "TokenRequest",
            "spec",
            "audience",
        ),
        ("v1", "ResourceClaim", "name", "spec"),
    ] {
        let found = of_type(type_name(api_version, kind)).unwrap();
        assert!(
            found.field(field).is_some() && found.field(other).is_none(),
            "{api_version} {kind}"
        );
    }
}

#[test]
fn lists_have_types_and_merge_keys() {
    assert_eq!(merge("PodSpec", "containers"), (Patch::Merge, "name"));
    assert_eq!(
        merge("PodSpec", "volumes"),
        (Patch::MergeRetainKeys, "name")
    );
    assert_eq!(merge("DeploymentSpec", "strategy"), (Patch::RetainKeys, ""));
    assert_eq!(merge("ObjectMeta", "finalizers"), (Patch::Merge, ""));
    assert_eq!(
        merge("ObjectMeta", "ownerReferences"),
        (Patch::Merge, "uid")
    );
    assert_eq!(merge("PodSpec", "tolerations"), (Patch::Unmarked, ""));
    let ports = field("Container", "ports").unwrap();
    assert_eq!(ports.merge_key, "containerPort");
    assert_eq!(ports.list, ListType::Map(&["containerPort", "protocol"]));
    assert_eq!((ports.child, ports.shape), ("ContainerPort", Shape::List));
    assert_eq!(
        field("ObjectMeta", "finalizers").unwrap().list,
        ListType::Set
    );
    assert!(field("DeploymentSpec", "selector").unwrap().atomic);
}
