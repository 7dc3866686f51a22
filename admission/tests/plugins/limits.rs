//! `LimitRanger`.

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use portcullis_admission::{Chain, Operation};
use portcullis_api::{GroupKind, GroupResource};

use crate::support::{Request, World, from_yaml, pod};

/// A chain with these limits in the namespace `default`.
fn chain(limits: &str) -> Chain {
    let mut world = World::new();
    let range = |namespace: &str| {
        from_yaml(&format!(
            "{{metadata: {{namespace: {namespace}, name: l}}, spec: {{limits: [{limits}]}}}}"
        ))
    };
    world.limit_ranges.add(range("default"));
    world.chain(&["LimitRanger"])
}

const DEFAULTS: &str = "{type: Container, default: {cpu: 500m, memory: 256Mi}, defaultRequest: {cpu: 250m, memory: 128Mi}}";

fn note(pod: &Pod) -> Option<&str> {
    let annotations = pod.metadata.annotations.as_ref();
    annotations
        .and_then(|a| a.get("kubernetes.io/limit-ranger"))
        .map(String::as_str)
}

#[tokio::test]
async fn defaults_are_set_and_annotated() {
    let chain = chain(DEFAULTS);
    let given = "{containers: [{name: c, resources: {requests: {memory: 64Mi}}}, {name: d, resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 1, memory: 1Gi}}}], initContainers: [{name: i}]}";
    let wanted = "{containers: [{name: c, resources: {limits: {cpu: 500m, memory: 256Mi}, requests: {cpu: 250m, memory: 64Mi}}}, {name: d, resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 1, memory: 1Gi}}}], initContainers: [{name: i, resources: {limits: {cpu: 500m, memory: 256Mi}, requests: {cpu: 250m, memory: 128Mi}}}]}";
    let created = Request::create_pod(pod("a", given)).pod(&chain).await;
    assert_eq!(created.spec, pod("a", wanted).spec);
    assert_eq!(
        note(&created),
        Some(
            "LimitRanger plugin set: cpu request for container c; cpu, memory limit for container c; cpu, memory request for init container i; cpu, memory limit for init container i"
        )
    );
    let elsewhere = Request::create_pod(pod("a", given)).in_namespace("other");
    assert_eq!(elsewhere.pod(&chain).await, pod("a", given));
    let update = Request::update_pod(pod("a", given), pod("a", given));
    assert_eq!(update.pod(&chain).await, pod("a", given));
}

async fn denied(limits: &str, spec: &str) -> String {
    let (text, code) = Request::create_pod(pod("a", spec))
        .denied(&chain(limits))
        .await;
    assert_eq!(code, 403);
    text.strip_prefix("pods \"a\" is forbidden: ")
        .unwrap()
        .to_owned()
}

fn one(resources: &str) -> String {
    format!("{{containers: [{{name: c, resources: {{{resources}}}}}]}}")
}

#[tokio::test]
async fn containers_must_be_within_bounds() {
    let bounds = "{type: Container, min: {cpu: 50m}, max: {memory: 1Gi}}";
    for (resources, why) in [
        (
            "requests: {cpu: 10m}, limits: {memory: 1Gi}",
            "minimum cpu usage per Container is 50m, but request is 10m",
        ),
        (
            "limits: {memory: 1Gi}",
            "minimum cpu usage per Container is 50m.  No request is specified",
        ),
        (
            "requests: {cpu: 1}, limits: {cpu: 10m, memory: 1Gi}",
            "minimum cpu usage per Container is 50m, but limit is 10m",
        ),
        (
            "requests: {cpu: 1}, limits: {memory: 2048Mi}",
            "maximum memory usage per Container is 1Gi, but limit is 2Gi",
        ),
        (
            "requests: {cpu: 1}",
            "maximum memory usage per Container is 1Gi.  No limit is specified",
        ),
        (
            "requests: {cpu: 1, memory: 2Gi}, limits: {memory: 1Gi}",
            "maximum memory usage per Container is 1Gi, but request is 2Gi",
        ),
        (
            "requests: {cpu: 10m}",
            "[minimum cpu usage per Container is 50m, but request is 10m, maximum memory usage per Container is 1Gi.  No limit is specified]",
        ),
    ] {
        assert_eq!(denied(bounds, &one(resources)).await, why);
    }
    let fine = one("requests: {cpu: 0.05}, limits: {memory: 1024Mi}");
    Request::create_pod(pod("a", &fine))
        .pod(&chain(bounds))
        .await;
    let init = "{containers: [{name: c, resources: {requests: {cpu: 1}, limits: {memory: 1Mi}}}], initContainers: [{name: i}]}";
    let text = denied(bounds, init).await;
    assert!(
        text.starts_with("[minimum cpu usage per Container is 50m.  No request"),
        "{text}"
    );
}

#[tokio::test]
async fn the_ratio_of_limits_to_requests_is_bounded() {
    let ratio = "{type: Container, maxLimitRequestRatio: {cpu: 2500m}}";
    let text = "cpu max limit to request ratio per Container is 2500m, but";
    for (resources, why) in [
        (
            "requests: {cpu: 300m}, limits: {cpu: 1}",
            "provided ratio is 3.333333",
        ),
        (
            "limits: {cpu: 1}",
            "no request is specified or request is 0",
        ),
        ("requests: {cpu: 1}", "no limit is specified or limit is 0"),
        (
            "requests: {cpu: 0}, limits: {cpu: 1}",
            "no request is specified or request is 0",
        ),
    ] {
        assert_eq!(
            denied(ratio, &one(resources)).await,
            format!("{text} {why}")
        );
    }
    let fine = one("requests: {cpu: 400m}, limits: {cpu: 1}");
    Request::create_pod(pod("a", &fine))
        .pod(&chain(ratio))
        .await;
}

#[tokio::test]
async fn a_pod_is_the_sum_of_its_containers_or_its_largest_init_container() {
    let bounds = "{type: Pod, max: {cpu: 3}}";
    let cpu = |c: &str, d: &str, i: &str| {
        let of =
            |cpu: &str| format!("resources: {{requests: {{cpu: {cpu}}}, limits: {{cpu: {cpu}}}}}");
        format!(
            "{{containers: [{{name: c, {}}}, {{name: d, {}}}], initContainers: [{{name: i, {}}}]}}",
            of(c),
            of(d),
            of(i)
        )
    };
    Request::create_pod(pod("a", &cpu("1", "2", "3")))
        .pod(&chain(bounds))
        .await;
    for (spec, sum) in [(cpu("1", "2500m", "1"), "3500m"), (cpu("1", "1", "4"), "4")] {
        let why = format!("maximum cpu usage per Pod is 3, but limit is {sum}");
        assert_eq!(denied(bounds, &spec).await, why);
    }
}

#[tokio::test]
async fn a_resource_that_a_container_leaves_out_has_no_sum() {
    let memory = |c: &str, d: &str| {
        let of = |memory: &str| format!("resources: {{limits: {{{memory}}}}}");
        format!(
            "{{containers: [{{name: c, {}}}, {{name: d, {}}}]}}",
            of(c),
            of(d)
        )
    };
    let bounds = "{type: Pod, max: {memory: 2Gi}}";
    for (spec, why) in [
        (
            memory("memory: 1Gi", ""),
            "maximum memory usage per Pod is 2Gi.  No limit is specified",
        ),
        // sums are formatted in decimal
        (
            memory("memory: 1Gi", "memory: 1025Mi"),
            "maximum memory usage per Pod is 2Gi, but limit is 2148532224",
        ),
    ] {
        assert_eq!(denied(bounds, &spec).await, why);
    }
    let fine = memory("memory: 1Gi", "memory: 1024Mi");
    let chain = chain(bounds);
    Request::create_pod(pod("a", &fine)).pod(&chain).await;
}

#[tokio::test]
async fn the_storage_of_claims_is_bounded() {
    let kind = GroupKind {
        group: "",
        kind: "PersistentVolumeClaim",
    };
    let resource = GroupResource {
        group: "",
        resource: "persistentvolumeclaims",
    };
    let claim = |storage: &str| -> PersistentVolumeClaim {
        from_yaml(&format!(
            "{{metadata: {{name: c}}, spec: {{resources: {{requests: {{{storage}}}}}}}}}"
        ))
    };
    let chain = chain("{type: PersistentVolumeClaim, min: {storage: 1Gi}, max: {storage: 10Gi}}");
    let fine = Request::create(kind, resource, claim("storage: 2Gi"));
    fine.send(&chain).await.unwrap();
    for (storage, why) in [
        (
            "storage: 1Mi",
            "minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 1Mi",
        ),
        (
            "storage: 11Gi",
            "maximum storage usage per PersistentVolumeClaim is 10Gi, but request is 11Gi",
        ),
        (
            "",
            "[minimum storage usage per PersistentVolumeClaim is 1Gi.  No request is specified, maximum storage usage per PersistentVolumeClaim is 10Gi.  No request is specified]",
        ),
    ] {
        let request = || Request::create(kind, resource, claim(storage));
        let text = format!("persistentvolumeclaims \"c\" is forbidden: {why}");
        assert_eq!(request().denied(&chain).await, (text.clone(), 403));
        let mut grown = request();
        grown.operation = Operation::Update;
        grown.old = Some(Box::new(claim("storage: 2Gi")));
        assert_eq!(grown.denied(&chain).await.0, text);
        let mut going = request();
        going.operation = Operation::Update;
        let old = "{metadata: {name: c, deletionTimestamp: '2026-01-01T00:00:00Z'}}";
        going.old = Some(Box::new(from_yaml::<PersistentVolumeClaim>(old)));
        going.send(&chain).await.unwrap();
    }
}
