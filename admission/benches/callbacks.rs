//! Benchmarks of what webhooks and policies add to a write: `make bench`.
//!
//! A config map goes through a chain of the plugins that call webhooks and evaluate policies. The webhook
//! that matches answers at once: what a network takes comes on top.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhook, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
    WebhookClientConfig,
};
use k8s_openapi::api::core::v1::ConfigMap;
use portcullis_admission::hooks::{CallFailure, Connect, Endpoint, Webhooks};
use portcullis_admission::permissions::{Names, Permission, Permissions};
use portcullis_admission::policies::{Policies, ValidatingPolicies};
use portcullis_admission::versions::{ConversionError, Served};
use portcullis_admission::{
    Attributes, AuditAnnotations, Chain, Lookups, Operation, Reinvocation, RequestOptions,
    Selection, Versions, Warnings, plugins,
};
use portcullis_api::encode::TypeMeta;
use portcullis_api::{GroupKind, GroupResource, GroupVersion, Object, UserInfo};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

const V1: GroupVersion<'_> = GroupVersion {
    group: "",
    version: "v1",
};

/// Denies every request.
struct NoPermissions;

impl Permissions for NoPermissions {
    fn allow(&self, _: &UserInfo, _: &Permission<'_>) -> Option<String> {
        None
    }

    fn allow_path(&self, _: &UserInfo, _: &str, _: &str) -> Option<String> {
        None
    }

    fn names(&self, _: &UserInfo, _: &Permission<'_>) -> Names {
        Box::new(|_| false)
    }
}

/// Allows what it is sent, at once.
struct Allows;

impl Connect for Allows {
    fn connect(&self, _: &WebhookClientConfig) -> Arc<dyn Endpoint> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Endpoint for Allows {
    async fn post(&self, body: Bytes, _: Duration) -> Result<Bytes, CallFailure> {
        let wrong = |why: serde_json::Error| CallFailure::Call(why.to_string());
        let review: Value = serde_json::from_slice(&body).map_err(wrong)?;
        let answer = json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
            "response": {"uid": review["request"]["uid"], "allowed": true}});
        Ok(answer.to_string().into())
    }
}

/// Config maps, which have one version.
#[derive(Debug)]
struct Maps;

#[async_trait]
impl Versions for Maps {
    fn requested(&self) -> Served<'_> {
        Served {
            group_version: V1,
            resource: "configmaps",
            kind_version: V1,
            kind: "ConfigMap",
        }
    }

    fn others(&self) -> Vec<Served<'_>> {
        Vec::new()
    }

    async fn encode(
        &self,
        object: &dyn Object,
        version: &Served<'_>,
    ) -> Result<Vec<u8>, ConversionError> {
        Ok(object.encode(TypeMeta {
            api_version: "v1",
            kind: version.kind,
        }))
    }

    async fn decode(
        &self,
        _: &Value,
        _: &Served<'_>,
        base: &dyn Object,
    ) -> Result<Box<dyn Object>, ConversionError> {
        Ok(base.boxed_clone())
    }

    fn overlay(&self, _: &Value, _: Value, _: &Served<'_>) -> Result<Value, ConversionError> {
        Err(ConversionError(
            "no policy changes anything here".to_owned(),
        ))
    }
}

/// A chain, and what writes through it.
struct Bench {
    runtime: Runtime,
    chain: Chain,
    user: UserInfo,
    map: ConfigMap,
}

impl Bench {
    fn new(webhooks: Webhooks, policies: ValidatingPolicies) -> Self {
        let lookups = Lookups {
            webhooks: Arc::new(webhooks),
            validating_policies: Arc::new(policies),
            ..Lookups::nothing(Arc::new(NoPermissions), str::to_owned)
        };
        let others: Vec<_> = plugins::known()
            .into_iter()
            .filter(|name| {
                !name.ends_with("AdmissionWebhook") && !name.ends_with("AdmissionPolicy")
            })
            .collect();
        let selection = Selection::from_flags(&[], &others).expect("known plugins");
        let map = json!({"metadata": {"name": "m", "namespace": "default", "labels": {"app": "web"}},
            "data": {"a": "1", "b": "2"}});
        Self {
            runtime: Builder::new_current_thread().build().expect("a runtime"),
            chain: selection.build(&lookups),
            user: UserInfo::default(),
            map: serde_json::from_value(map).expect("a config map"),
        }
    }

    /// Takes a new config map through the chain.
    fn write(&self) {
        let mut attributes = Attributes {
            operation: Operation::Update,
            kind: GroupKind {
                group: "",
                kind: "ConfigMap",
            },
            resource: GroupResource {
                group: "",
                resource: "configmaps",
            },
            subresource: "",
            namespace: "default",
            name: "m",
            user: &self.user,
            dry_run: false,
            in_collection: false,
            options: RequestOptions::default(),
            versions: Some(&Maps),
            reinvocation: Reinvocation::default(),
            object: Some(Box::new(self.map.clone())),
            old_object: Some(&self.map),
            audit_annotations: AuditAnnotations::discarded(),
            warnings: Warnings::default(),
            trace: None,
        };
        self.runtime.block_on(async {
            let mutated = self.chain.mutate(&mut attributes).await;
            mutated.expect("nothing objects");
            let validated = self.chain.validate(&attributes).await;
            validated.expect("nothing objects");
        });
    }
}

/// Webhooks about a resource.
fn webhooks(count: usize, resource: &str) -> Webhooks {
    let webhooks = Webhooks::new(Arc::new(Allows), Arc::new(Allows));
    let all: Vec<MutatingWebhook> = (0..count)
        .map(|n| {
            let webhook = json!({"name": format!("hook-{n}.example.com"), "clientConfig": {},
                "sideEffects": "None", "admissionReviewVersions": ["v1"],
                "rules": [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"],
                    "resources": [resource]}]});
            serde_json::from_value(webhook).expect("a webhook")
        })
        .collect();
    webhooks.mutating().put("all", &all);
    webhooks
}

/// Policies about config maps, of three expressions each.
fn policies(count: usize) -> ValidatingPolicies {
    let policies = ValidatingPolicies::default();
    for n in 0..count {
        let name = format!("policy-{n}");
        let policy = json!({"metadata": {"name": name}, "spec": {
            "matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"],
                "operations": ["*"], "resources": ["configmaps"]}]},
            "validations": [
                {"expression": "object.metadata.name.size() < 64"},
                {"expression": "!has(object.data) || object.data.all(k, k.size() < 10)"},
                {"expression": format!("object.metadata.labels['app'] != 'app-{n}'")}]}});
        let policy: ValidatingAdmissionPolicy = serde_json::from_value(policy).expect("a policy");
        policies.put_policy(&policy);
        let binding = json!({"metadata": {"name": name},
            "spec": {"policyName": name, "validationActions": ["Deny"]}});
        let binding: ValidatingAdmissionPolicyBinding =
            serde_json::from_value(binding).expect("a binding");
        policies.put_binding(&binding);
    }
    policies
}

fn writes(criterion: &mut Criterion) {
    let none = || webhooks(0, "");
    for (name, bench) in [
        ("alone", Bench::new(none(), policies(0))),
        (
            "100 webhooks, of other resources",
            Bench::new(webhooks(100, "secrets"), policies(0)),
        ),
        (
            "one webhook that matches",
            Bench::new(webhooks(1, "configmaps"), policies(0)),
        ),
        ("300 policies", Bench::new(none(), policies(300))),
    ] {
        criterion.bench_function(name, |b| b.iter(|| bench.write()));
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .measurement_time(Duration::from_secs(3));
    targets = writes
}
criterion_main!(benches);
