//! Validating admission policies: their audit annotations, and their costs.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::ConfigMap;
use portcullis_admission::permissions::{Names, Permission, Permissions};
use portcullis_admission::plugins::known;
use portcullis_admission::policies::{Policies, ValidatingPolicies};
use portcullis_admission::versions::{ConversionError, Served, Versions};
use portcullis_admission::{
    Attributes, AuditAnnotations, Chain, Lookups, Operation, Reinvocation, RequestOptions,
    Selection, Warnings,
};
use portcullis_api::encode::TypeMeta;
use portcullis_api::{GroupKind, GroupResource, GroupVersion, Object, Status, UserInfo};
use serde_json::Value;

use crate::support::from_yaml;

const V1: GroupVersion<'static> = GroupVersion {
    group: "",
    version: "v1",
};

/// A resource with one version.
#[derive(Debug)]
struct OneVersion;

#[async_trait]
impl Versions for OneVersion {
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
        served: &Served<'_>,
    ) -> Result<Vec<u8>, ConversionError> {
        Ok(object.encode(TypeMeta {
            api_version: "v1",
            kind: served.kind,
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

    fn overlay(
        &self,
        document: &Value,
        _: Value,
        _: &Served<'_>,
    ) -> Result<Value, ConversionError> {
        Ok(document.clone())
    }
}

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

/// A policy for config maps.
fn policy(name: &str, spec: &str) -> String {
    format!(
        "{{metadata: {{name: {name}}}, spec: {{matchConstraints: {{resourceRules: [{{apiGroups: [''], \
         apiVersions: [v1], operations: ['*'], resources: [configmaps]}}]}}, {spec}}}}}"
    )
}

fn binding(name: &str, policy: &str, actions: &str) -> String {
    format!(
        "{{metadata: {{name: {name}}}, spec: {{policyName: {policy}, validationActions: {actions}}}}}"
    )
}

fn chain(policies: &[String], bindings: &[String]) -> Chain {
    let index = ValidatingPolicies::default();
    for policy in policies {
        index.put_policy(&from_yaml(policy));
    }
    for binding in bindings {
        index.put_binding(&from_yaml(binding));
    }
    let wanted = ["ValidatingAdmissionPolicy"];
    let others: Vec<_> = known()
        .into_iter()
        .filter(|n| !wanted.contains(n))
        .collect();
    let selection = Selection::from_flags(&wanted, &others).unwrap();
    selection.build(&Lookups {
        validating_policies: Arc::new(index),
        ..Lookups::nothing(Arc::new(NoPermissions), |prefix| prefix.to_owned())
    })
}

struct Seen {
    verdict: Result<(), Status>,
    annotations: BTreeMap<String, String>,
    warnings: Vec<String>,
}

async fn create(chain: &Chain, map: &str) -> Seen {
    let object: ConfigMap = from_yaml(map);
    let user = UserInfo::default();
    let attributes = Attributes {
        operation: Operation::Create,
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
        user: &user,
        dry_run: false,
        in_collection: false,
        options: RequestOptions::default(),
        versions: Some(&OneVersion),
        reinvocation: Reinvocation::default(),
        object: Some(Box::new(object)),
        old_object: None,
        audit_annotations: AuditAnnotations::default(),
        warnings: Warnings::default(),
        trace: None,
    };
    let verdict = chain.validate(&attributes).await;
    Seen {
        verdict: verdict.map_err(|denial| denial.status),
        warnings: attributes.warnings.take(),
        annotations: attributes.audit_annotations.to_map(),
    }
}

const FAILURE: &str = "validation.policy.admission.k8s.io/validation_failure";

#[tokio::test]
async fn failures_are_annotated_where_a_binding_audits() {
    let chain = chain(
        &[policy(
            "p",
            "validations: [{expression: 'true'}, {expression: 'object.data.k == \"v\"', message: k is wrong}]",
        )],
        &[
            binding("audits", "p", "[Audit, Warn]"),
            binding("denies", "p", "[Deny]"),
        ],
    );
    let seen = create(&chain, "{data: {k: w}}").await;
    assert_eq!(
        seen.annotations[FAILURE],
        r#"[{"message":"k is wrong","policy":"p","binding":"audits","expressionIndex":1,"validationActions":["Audit","Warn"]}]"#
    );
    assert_eq!(
        seen.warnings,
        ["Validation failed for ValidatingAdmissionPolicy 'p' with binding 'audits': k is wrong"]
    );
    let status = seen.verdict.unwrap_err();
    assert_eq!(status.code, 422);
    let right = create(&chain, "{data: {k: v}}").await;
    assert!(right.verdict.is_ok() && right.annotations.is_empty());
}

#[tokio::test]
async fn annotations_of_a_policy_have_its_name() {
    let annotations = "auditAnnotations: [{key: k, valueExpression: '\"k is \" + object.data.k'}, \
        {key: none, valueExpression: 'null'}, {key: blank, valueExpression: '\" \"'}, \
        {key: long, valueExpression: 'string(object.data.long)'}]";
    let chain = chain(
        &[policy("p", annotations)],
        &[binding("a", "p", "[Deny]"), binding("b", "p", "[Deny]")],
    );
    let long = "ä".repeat(6000);
    let seen = create(&chain, &format!("{{data: {{k: v, long: {long}}}}}")).await;
    assert!(seen.verdict.is_ok());
    let keys: Vec<_> = seen.annotations.keys().map(String::as_str).collect();
    assert_eq!(keys, ["p/k", "p/long"]);
    assert_eq!(
        seen.annotations["p/k"], "k is v",
        "the same value of two bindings"
    );
    assert_eq!(seen.annotations["p/long"].len(), 10 * 1024);
}

#[tokio::test]
async fn a_policy_that_does_not_compile_fails_when_it_is_evaluated() {
    let broken = "validations: [{expression: 'object.'}]";
    let closed = chain(&[policy("p", broken)], &[binding("b", "p", "[Deny]")]);
    let status = create(&closed, "{data: {k: v}}").await.verdict.unwrap_err();
    let start = "configmaps \"m\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: compilation error: compilation failed: ERROR: <input>:1:8: Syntax error";
    assert!(status.message.starts_with(start), "{}", status.message);
    let open = format!("failurePolicy: Ignore, {broken}");
    let open = chain(&[policy("p", &open)], &[binding("b", "p", "[Deny]")]);
    assert!(create(&open, "{data: {k: v}}").await.verdict.is_ok());
}

#[tokio::test]
async fn long_evaluations_have_the_outcome_of_short_ones() {
    // each does more work than the limit on the thread of a request
    let words = vec!["a"; 5_000].join(" ");
    for (expression, denied) in [
        (
            "object.data.k.split(\" \").map(x, x + \"b\").all(x, x == \"ab\")",
            false,
        ),
        (
            "object.data.k.split(\" \").map(x, x + \"b\").exists(x, x == \"c\")",
            true,
        ),
        ("variables.words.size() == 5000", false),
    ] {
        let spec = format!(
            "variables: [{{name: words, expression: 'object.data.k.split(\" \").map(x, x + x).filter(x, x == \"aa\")'}}], \
             validations: [{{expression: '{expression}', message: said}}]"
        );
        let chain = chain(&[policy("p", &spec)], &[binding("b", "p", "[Deny]")]);
        let seen = create(&chain, &format!("{{data: {{k: '{words}'}}}}")).await;
        let verdict = &seen.verdict;
        assert_eq!(verdict.is_err(), denied, "{expression}: {verdict:?}");
    }
}

#[tokio::test]
async fn the_cost_of_all_validations_is_limited() {
    let words = vec!["word"; 3_000].join(" ");
    let one =
        "{expression: 'object.data.k.split(\" \").all(x, !object.data.k.startsWith(\"no\" + x))'}";
    let all = vec![one; 300].join(", ");
    let chain = chain(
        &[policy("p", &format!("validations: [{all}]"))],
        &[binding("b", "p", "[Deny]")],
    );
    let seen = create(&chain, &format!("{{data: {{k: '{words}'}}}}")).await;
    let status = seen.verdict.unwrap_err();
    let why = "validation failed due to running out of cost budget, no further validation rules will be run";
    assert!(status.message.ends_with(why), "{}", status.message);
}

#[tokio::test]
async fn bindings_without_a_policy_and_policies_without_a_binding_have_no_effect() {
    let denying = "validations: [{expression: 'false'}]";
    let unbound = chain(&[policy("p", denying)], &[]);
    assert!(create(&unbound, "{}").await.verdict.is_ok());
    let of_nothing = chain(&[], &[binding("b", "p", "[Deny]")]);
    assert!(create(&of_nothing, "{}").await.verdict.is_ok());
}

#[tokio::test]
async fn changes_are_compiled_one_by_one() {
    let index = ValidatingPolicies::default();
    let put = |index: &ValidatingPolicies, spec: &str| {
        index.put_policy(&from_yaml(&policy(
            "p",
            &format!("validations: [{{expression: '{spec}'}}]"),
        )));
    };
    put(&index, "false");
    index.put_binding(&from_yaml(&binding("b", "p", "[Deny]")));
    let index = Arc::new(index);
    let wanted = ["ValidatingAdmissionPolicy"];
    let others: Vec<_> = known()
        .into_iter()
        .filter(|n| !wanted.contains(n))
        .collect();
    let chain = Selection::from_flags(&wanted, &others)
        .unwrap()
        .build(&Lookups {
            validating_policies: index.clone(),
            ..Lookups::nothing(Arc::new(NoPermissions), |prefix| prefix.to_owned())
        });
    let denied = async || create(&chain, "{}").await.verdict.is_err();
    assert!(denied().await);
    put(&index, "true");
    assert!(!denied().await);
    put(&index, "false");
    assert!(denied().await);
    index.delete_binding("b");
    assert!(!denied().await);
    index.replace_bindings(&[Arc::new(from_yaml(&binding("c", "p", "[Deny]")))]);
    assert!(denied().await);
    index.replace_policies(&[]);
    assert!(!denied().await);
}
