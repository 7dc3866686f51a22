//! A pod through the whole admission chain: the default plugins and `PodSecurityPolicy`, with RBAC deciding
//! who may use which policy.
//!
//! Goals: 150 µs with one policy, 1 ms with 300.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark ends at the first surprise, and criterion's macros write no documentation"
)]

use std::sync::Arc;

use async_trait::async_trait;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use k8s_openapi::api::core::v1::{Namespace, Pod, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, RoleRef, Subject};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_admission::lookup::Lookup;
use portcullis_admission::podsecuritypolicy::PodSecurityPolicyIndex;
use portcullis_admission::{
    Attributes, AuditAnnotations, Chain, Lookups, Operation, Reinvocation, RequestOptions,
    Selection, Warnings,
};
use portcullis_api::psp::PodSecurityPolicy;
use portcullis_api::{GroupKind, GroupResource, Status, UserInfo};
use portcullis_rbac::{Index, RbacAuthorizer};
use portcullis_registry::permissions::AuthorizersPermissions;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

/// The one object of its kind.
struct Only<K>(Arc<K>);

#[async_trait]
impl<K: Send + Sync + 'static> Lookup<K> for Only<K> {
    fn get(&self, _: &str, _: &str) -> Option<Arc<K>> {
        Some(self.0.clone())
    }

    fn list(&self, _: &str) -> Vec<Arc<K>> {
        vec![self.0.clone()]
    }

    async fn get_live(&self, _: &str, _: &str) -> Result<Option<Arc<K>>, Status> {
        Ok(Some(self.0.clone()))
    }
}

fn read<K: DeserializeOwned>(value: &Value) -> K {
    portcullis_api::decode::decode(value).unwrap().value
}

fn name(n: usize) -> String {
    format!("policy-{n:03}")
}

/// The book's restrictive policy; each copy fills in something, so that none is chosen before all have been
/// tried. One that denies reports three errors.
fn policy(n: usize, accepts: bool) -> PodSecurityPolicy {
    let ranges = json!([{"min": 2, "max": 10}, {"min": 20, "max": 30}]);
    let volume = if accepts { "emptyDir" } else { "nfs" };
    let mount = if accepts { "Default" } else { "Unmasked" };
    read(&json!({"metadata": {"name": name(n)}, "spec": {
        "hostIPC": false, "hostPID": false, "hostNetwork": false, "privileged": false,
        "hostPorts": [{"min": 10000, "max": 11000}, {"min": 13000, "max": 14000}],
        "readOnlyRootFilesystem": true,
        "runAsUser": {"rule": "MustRunAs", "ranges": ranges},
        "fsGroup": {"rule": "MustRunAs", "ranges": ranges},
        "supplementalGroups": {"rule": "MustRunAs", "ranges": ranges},
        "seLinux": {"rule": "RunAsAny"},
        "requiredDropCapabilities": ["SYS_ADMIN", "SYS_MODULE"],
        "allowedProcMountTypes": [mount],
        "volumes": [volume, "configMap", "secret", "downwardAPI", "projected"],
    }}))
}

fn pod() -> Pod {
    let container = |name: &str| {
        json!({"name": name, "image": "nginx:1.25", "ports": [{"containerPort": 80}],
            "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
            "volumeMounts": [{"name": "cache", "mountPath": "/cache"}]})
    };
    read(
        &json!({"metadata": {"name": "web", "namespace": "default", "labels": {"app": "web"}},
        "spec": {"containers": [container("web"), container("log")],
            "volumes": [{"name": "cache", "emptyDir": {}}]}}),
    )
}

fn alice() -> UserInfo {
    UserInfo {
        name: "alice".to_owned(),
        groups: vec![UserInfo::AUTHENTICATED.to_owned()],
        ..UserInfo::default()
    }
}

/// The bootstrap roles, and one for alice, who may use these policies.
fn authorizer(usable: &[usize]) -> AuthorizersPermissions {
    let index = Arc::new(Index::new());
    for role in portcullis_rbac::bootstrap::cluster_roles() {
        index.put_cluster_role(&role);
    }
    for binding in portcullis_rbac::bootstrap::cluster_role_bindings() {
        index.put_cluster_role_binding(&binding);
    }
    let metadata = ObjectMeta {
        name: Some("psp".to_owned()),
        ..ObjectMeta::default()
    };
    index.put_cluster_role(&ClusterRole {
        metadata: metadata.clone(),
        rules: Some(vec![PolicyRule {
            api_groups: Some(vec!["policy".to_owned()]),
            resources: Some(vec!["podsecuritypolicies".to_owned()]),
            resource_names: Some(usable.iter().map(|n| name(*n)).collect()),
            verbs: vec!["use".to_owned()],
            ..PolicyRule::default()
        }]),
        ..ClusterRole::default()
    });
    index.put_cluster_role_binding(&ClusterRoleBinding {
        metadata,
        role_ref: RoleRef {
            api_group: Some("rbac.authorization.k8s.io".to_owned()),
            kind: "ClusterRole".to_owned(),
            name: "psp".to_owned(),
        },
        subjects: Some(vec![Subject {
            kind: "User".to_owned(),
            name: "alice".to_owned(),
            ..Subject::default()
        }]),
    });
    AuthorizersPermissions(Arc::new(RbacAuthorizer::new(index)))
}

/// A cluster whose policies accept the pod from this number on.
fn chain(policies: usize, accepting: usize, usable: &[usize]) -> Chain {
    let index = PodSecurityPolicyIndex::default();
    let all: Vec<_> = (0..policies).map(|n| policy(n, n >= accepting)).collect();
    index.replace(&all);
    let namespace: Namespace =
        read(&json!({"metadata": {"name": "default"}, "status": {"phase": "Active"}}));
    let account: ServiceAccount =
        read(&json!({"metadata": {"name": "default", "namespace": "default"}}));
    let generate = |beginning: &str| format!("{beginning}x7k2p");
    Selection::from_flags(&["PodSecurityPolicy"], &[])
        .unwrap()
        .build(&Lookups {
            namespaces: Arc::new(Only(Arc::new(namespace))),
            service_accounts: Arc::new(Only(Arc::new(account))),
            pod_security_policies: Arc::new(index),
            ..Lookups::nothing(Arc::new(authorizer(usable)), generate)
        })
}

async fn create(chain: &Chain, user: &UserInfo, pod: Pod) -> Pod {
    let mut attributes = Attributes {
        operation: Operation::Create,
        kind: GroupKind {
            group: "",
            kind: "Pod",
        },
        resource: GroupResource {
            group: "",
            resource: "pods",
        },
        subresource: "",
        namespace: "default",
        name: "web",
        user,
        dry_run: false,
        in_collection: false,
        options: RequestOptions::default(),
        versions: None,
        reinvocation: Reinvocation::default(),
        object: Some(Box::new(pod)),
        old_object: None,
        audit_annotations: AuditAnnotations::default(),
        warnings: Warnings::default(),
        trace: None,
    };
    chain.mutate(&mut attributes).await.unwrap();
    chain.validate(&attributes).await.unwrap();
    let object = attributes.object.as_deref();
    object.and_then(|o| o.as_kind::<Pod>()).unwrap().clone()
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

fn benchmarks(criterion: &mut Criterion) {
    let (runtime, user) = (runtime(), alice());
    let all: Vec<_> = (0..300).collect();
    for (title, policies, accepting, usable) in [
        ("one policy", 1, 0, &all[..1]),
        ("300 policies, one of them hers", 300, 0, &all[150..151]),
        ("300 policies, all of them hers", 300, 0, &all[..]),
        ("300 policies, the last accepts", 300, 299, &all[..]),
    ] {
        let chain = chain(policies, accepting, usable);
        let admitted = runtime.block_on(create(&chain, &user, pod()));
        let annotations = admitted.metadata.annotations.unwrap();
        let first = usable.iter().find(|n| **n >= accepting).map(|n| name(*n));
        assert_eq!(annotations.get("kubernetes.io/psp"), first.as_ref());
        criterion.bench_function(title, |bencher| {
            bencher.iter_batched(
                pod,
                |pod| runtime.block_on(create(&chain, &user, pod)),
                BatchSize::SmallInput,
            );
        });
    }
}

criterion_group!(chains, benchmarks);
criterion_main!(chains);
