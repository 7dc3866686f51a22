//! `PodSecurity`: every check in its versions (`testdata/admission/podsecurity/*.yaml`), and the
//! labels of namespaces.

use std::collections::BTreeMap;
use std::path::Path;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use portcullis_admission::{Chain, Operation};
use portcullis_api::{GroupKind, GroupResource};
use serde::Deserialize;
use serde_json::Value;

use crate::support::{Request, World, from_value, from_yaml, pod};

const PLUGIN: &[&str] = &["PodSecurity"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    level: String,
    #[serde(default = "latest")]
    version: String,
    pods: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    what: String,
    pod: Value,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    violates: Option<String>,
}

fn latest() -> String {
    "latest".to_owned()
}

/// A namespace with these labels, given without their prefix.
fn labelled(name: &str, labels: &[(&str, &str)]) -> Namespace {
    let mut namespace: Namespace = from_yaml(&format!("metadata: {{name: {name}}}"));
    let full = |(key, value): &(&str, &str)| {
        (
            format!("pod-security.kubernetes.io/{key}"),
            (*value).to_owned(),
        )
    };
    namespace.metadata.labels = Some(labels.iter().map(full).collect());
    namespace
}

fn chain(labels: &[(&str, &str)]) -> Chain {
    let mut world = World::new();
    world.namespaces.add(labelled("default", labels));
    world.chain(PLUGIN)
}

#[tokio::test]
async fn every_check_applies_from_its_release() {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../testdata/admission/podsecurity"
    );
    let mut cases = 0;
    for entry in Path::new(folder).read_dir().unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let groups: Vec<Group> = serde_saphyr::from_str(&text).unwrap();
        for group in groups {
            let (level, version) = (group.level.as_str(), group.version.as_str());
            let chain = chain(&[("enforce", level), ("enforce-version", version)]);
            for case in group.pods {
                let mut pod = Pod::default();
                pod.metadata.name = Some("p".to_owned());
                pod.metadata.annotations = Some(case.annotations);
                pod.spec = Some(from_value(case.pod));
                let answer = Request::create_pod(pod).send(&chain).await;
                let denied = answer.err().map(|denial| denial.status.message);
                let wanted = case.violates.map(|violates| {
                    format!("pods \"p\" is forbidden: violates PodSecurity \"{level}:{version}\": {violates}")
                });
                assert_eq!(denied, wanted, "{level}:{version}: {}", case.what);
                cases += 1;
            }
        }
    }
    assert!(cases > 30, "only {cases} cases found");
}

const PRIVILEGED: &str = "{hostPID: true}";
const WHY: &str = "host namespaces (hostPID=true)";

#[tokio::test]
async fn namespaces_without_labels_allow_everything() {
    let answer = Request::create_pod(pod("p", PRIVILEGED))
        .send(&chain(&[]))
        .await
        .unwrap();
    assert!(answer.audit.is_empty() && answer.warnings.is_empty());
}

#[tokio::test]
async fn enforced_violations_are_denied_without_a_warning() {
    let chain = chain(&[("enforce", "baseline"), ("audit", "restricted")]);
    let denial = Request::create_pod(pod("p", PRIVILEGED))
        .send(&chain)
        .await
        .unwrap_err();
    assert_eq!((denial.plugin, denial.status.code), ("PodSecurity", 403));
    let answer = Request::create_pod(pod("p", "{}"))
        .send(&chain)
        .await
        .unwrap();
    let audit = |key: &str| {
        answer
            .audit
            .get(&format!("pod-security.kubernetes.io/{key}"))
    };
    assert_eq!(audit("enforce-policy").unwrap(), "baseline:latest");
    let violations = audit("audit-violations").unwrap();
    let text =
        r#"would violate PodSecurity "restricted:latest": allowPrivilegeEscalation != false"#;
    assert!(violations.starts_with(text), "{violations}");
    assert!(answer.warnings.is_empty());
}

#[tokio::test]
async fn warn_labels_add_warnings() {
    let chain = chain(&[("warn", "baseline"), ("warn-version", "v1.24")]);
    let answer = Request::create_pod(pod("p", PRIVILEGED))
        .send(&chain)
        .await
        .unwrap();
    let text = format!("would violate PodSecurity \"baseline:v1.24\": {WHY}");
    assert_eq!(answer.warnings, [text]);
}

#[tokio::test]
async fn violations_of_pod_templates_are_warnings() {
    let chain = chain(&[("enforce", "baseline"), ("enforce-version", "v1.24")]);
    let kind = GroupKind {
        group: "apps",
        kind: "Deployment",
    };
    let resource = GroupResource {
        group: "apps",
        resource: "deployments",
    };
    let deployment: Deployment = from_yaml(
        "{metadata: {name: d}, spec: {selector: {}, template: {spec: {hostPID: true, containers: [{name: a}]}}}}",
    );
    let answer = Request::create(kind, resource, deployment)
        .send(&chain)
        .await
        .unwrap();
    let text = format!("would violate PodSecurity \"baseline:v1.24\": {WHY}");
    assert_eq!(answer.warnings, [text]);
}

#[tokio::test]
async fn invalid_labels_enforce_the_strictest_level() {
    let chain = chain(&[("enforce", "odd"), ("audit", "odd"), ("warn", "odd")]);
    let (text, _) = Request::create_pod(pod("p", "{}")).denied(&chain).await;
    assert!(
        text.contains(r#"violates PodSecurity "restricted:latest""#),
        "{text}"
    );
}

#[tokio::test]
async fn updates_are_checked_if_they_change_images_or_annotated_profiles() {
    let chain = chain(&[("enforce", "baseline")]);
    let container =
        |image: &str| format!("{{hostPID: true, containers: [{{name: a, image: {image}}}]}}");
    let old = pod("p", &container("i1"));
    let mut labelled = old.clone();
    labelled.metadata.labels = Some([("a".to_owned(), "b".to_owned())].into());
    Request::update_pod(old.clone(), labelled).pod(&chain).await;
    Request::update_pod(old.clone(), pod("p", &container("i2")))
        .denied(&chain)
        .await;
    for key in [
        "seccomp.security.alpha.kubernetes.io/pod",
        "container.seccomp.security.alpha.kubernetes.io/a",
    ] {
        let mut annotated = old.clone();
        annotated.metadata.annotations = Some([(key.to_owned(), "x".to_owned())].into());
        Request::update_pod(old.clone(), annotated)
            .denied(&chain)
            .await;
    }
    let mut ephemeral = old.clone();
    let spec = ephemeral.spec.as_mut().unwrap();
    spec.ephemeral_containers = Some(from_yaml("[{name: e, image: i}]"));
    let mut request = Request::update_pod(old.clone(), ephemeral);
    request.subresource = "ephemeralcontainers";
    request.denied(&chain).await;
    let mut status = Request::update_pod(old, pod("p", &container("i2")));
    status.subresource = "status";
    status.pod(&chain).await;
}

fn relabel(old: Option<&[(&str, &str)]>, new: &[(&str, &str)]) -> Request {
    let kind = GroupKind {
        group: "",
        kind: "Namespace",
    };
    let resource = GroupResource {
        group: "",
        resource: "namespaces",
    };
    let mut request = Request::create(kind, resource, labelled("ns", new)).in_namespace("ns");
    if let Some(old) = old {
        request.operation = Operation::Update;
        request.old = Some(Box::new(labelled("ns", old)));
    }
    request
}

#[tokio::test]
async fn invalid_labels_are_rejected_unless_unchanged() {
    let chain = chain(&[]);
    let wrong: &[_] = &[("enforce", "odd"), ("warn-version", "v2")];
    let status = relabel(None, wrong).send(&chain).await.unwrap_err().status;
    assert_eq!(status.code, 422);
    assert_eq!(
        status.message,
        r#"Namespace "ns" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "odd": must be one of privileged, baseline, restricted, metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "v2": must be "latest" or "v1.x"]"#
    );
    relabel(Some(wrong), wrong).send(&chain).await.unwrap();
    relabel(Some(&[]), wrong).denied(&chain).await;
    for version in ["v1.0", "v1.24", "latest"] {
        relabel(None, &[("enforce-version", version)])
            .send(&chain)
            .await
            .unwrap();
    }
    for version in ["v1.01", "1.24", "v1.", "v1.x", "v1.+1", ""] {
        relabel(None, &[("enforce-version", version)])
            .denied(&chain)
            .await;
    }
}

#[tokio::test]
async fn raising_the_level_warns_of_existing_pods() {
    let mut world = World::new();
    for (name, spec) in [
        ("b", PRIVILEGED),
        ("a", PRIVILEGED),
        ("c", PRIVILEGED),
        (
            "d",
            "{hostIPC: true, containers: [{name: x, securityContext: {privileged: true}}]}",
        ),
        ("e", "{}"),
    ] {
        let mut pod = pod(name, spec);
        pod.metadata.namespace = Some("ns".to_owned());
        world.pods.add(pod);
    }
    let chain = world.chain(PLUGIN);
    let raised = relabel(Some(&[]), &[("enforce", "baseline")])
        .send(&chain)
        .await
        .unwrap();
    assert_eq!(
        raised.warnings,
        [
            r#"existing pods in namespace "ns" violate the new PodSecurity enforce level "baseline:latest""#,
            "a (and 2 other pods): host namespaces",
            "d: host namespaces, privileged",
        ]
    );
    let baseline: &[_] = &[("enforce", "baseline")];
    for new in [baseline, &[("enforce", "privileged")]] {
        let answer = relabel(Some(&[("enforce", "restricted")]), new)
            .send(&chain)
            .await;
        assert!(answer.unwrap().warnings.is_empty());
    }
}
