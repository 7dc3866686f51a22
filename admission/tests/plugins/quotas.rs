//! `ResourceQuota`.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{ConfigMap, Event, PersistentVolumeClaim, Pod, Service};
use portcullis_admission::quota::Meter;
use portcullis_admission::{Chain, Operation};
use portcullis_api::{GroupKind, GroupResource, Object};

use crate::support::{PODS, Quotas, Request, World, from_yaml, pod};

/// A chain, and a namespace that has the quota `q` with these bounds, usage and `spec`.
fn quota(hard: &str, used: &str, spec: &str) -> (Chain, Arc<Quotas>) {
    let world = World::new();
    world.quotas.add(&format!(
        "{{metadata: {{namespace: default, name: q}}, spec: {{{spec}}}, status: {{hard: {{{hard}}}, used: {{{used}}}}}}}"
    ));
    let quotas = world.quotas.clone();
    (world.chain(&["ResourceQuota"]), quotas)
}

fn requesting(requests: &str) -> Pod {
    pod(
        "p",
        &format!("{{containers: [{{name: m, resources: {{requests: {{{requests}}}}}}}]}}"),
    )
}

fn of(kind: &'static str, resource: &'static str, object: impl Object) -> Request {
    let kind = GroupKind { group: "", kind };
    let resource = GroupResource {
        group: "",
        resource,
    };
    Request::create(kind, resource, object)
}

fn forbidden(object: &str, why: &str) -> (String, u16) {
    (format!("{object} is forbidden: {why}"), 403)
}

#[tokio::test]
async fn pods_are_charged_until_the_quota_is_exhausted() {
    let hard = "configmaps: 1, pods: 2, requests.cpu: 1";
    let (chain, quotas) = quota(hard, "configmaps: 0, pods: 0, requests.cpu: 0", "");
    let create = |cpu: &str| Request::create_pod(requesting(&format!("cpu: {cpu}")));
    create("400m").pod(&chain).await;
    assert_eq!(quotas.used("q", "requests.cpu"), "400m");
    assert_eq!(
        create("700m").denied(&chain).await,
        forbidden(
            "pods \"p\"",
            "exceeded quota: q, requested: requests.cpu=700m, used: requests.cpu=400m, limited: requests.cpu=1"
        )
    );
    create("400m").pod(&chain).await;
    assert_eq!(quotas.used("q", "requests.cpu"), "800m");
    assert_eq!(
        create("10m").denied(&chain).await,
        forbidden(
            "pods \"p\"",
            "exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2"
        )
    );
    assert_eq!(
        create("300m").denied(&chain).await,
        forbidden(
            "pods \"p\"",
            "exceeded quota: q, requested: pods=1,requests.cpu=300m, used: pods=2,requests.cpu=800m, limited: pods=2,requests.cpu=1"
        )
    );
    let elsewhere = create("10m").in_namespace("other");
    elsewhere.pod(&chain).await;
    let map: ConfigMap = from_yaml("{metadata: {name: m}}");
    of("ConfigMap", "configmaps", map.clone())
        .send(&chain)
        .await
        .unwrap();
    assert_eq!(
        of("ConfigMap", "configmaps", map).denied(&chain).await,
        forbidden(
            "configmaps \"m\"",
            "exceeded quota: q, requested: configmaps=1, used: configmaps=1, limited: configmaps=1"
        )
    );
}

#[tokio::test]
async fn counted_resources_must_be_specified_and_measured() {
    let (chain, quotas) = quota(
        "requests.cpu: 1, limits.memory: 1Gi",
        "requests.cpu: 0, limits.memory: 0",
        "",
    );
    assert_eq!(
        Request::create_pod(pod("p", "{containers: [{name: b}, {name: a}]}"))
            .denied(&chain)
            .await,
        forbidden(
            "pods \"p\"",
            "failed quota: q: must specify limits.memory for: a,b; requests.cpu for: a,b"
        )
    );
    assert_eq!(quotas.used("q", "requests.cpu"), "0");
    let (chain, _) = quota("pods: 1, count/pods: 1", "pods: 0", "");
    assert_eq!(
        Request::create_pod(pod("p", "{}")).denied(&chain).await,
        forbidden(
            "pods \"p\"",
            "status unknown for quota: q, resources: count/pods,pods"
        )
    );
}

#[tokio::test]
async fn pods_count_under_every_name() {
    let names = "count/pods: 9, pods: 9, cpu: 9, memory: 9Gi, requests.memory: 9Gi, limits.cpu: 9, requests.ephemeral-storage: 9Gi, hugepages-2Mi: 9Gi, requests.example.com/gpu: 9";
    let zero = "count/pods: 0, pods: 0, cpu: 0, memory: 0, requests.memory: 0, limits.cpu: 0, requests.ephemeral-storage: 0, hugepages-2Mi: 0, requests.example.com/gpu: 0";
    let (chain, quotas) = quota(names, zero, "");
    let spec = "{overhead: {memory: 1Mi}, containers: [{name: a, resources: {requests: {cpu: 100m, memory: 1Gi, ephemeral-storage: 1Gi, hugepages-2Mi: 4Mi, example.com/gpu: 2}, limits: {cpu: 200m}}}, {name: b, resources: {requests: {cpu: 100m, memory: 1Gi}, limits: {cpu: 100m}}}], initContainers: [{name: i, resources: {requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 1}}}]}";
    Request::create_pod(pod("p", spec)).pod(&chain).await;
    for (name, used) in [
        ("count/pods", "1"),
        ("pods", "1"),
        ("cpu", "1"),
        ("memory", "2049Mi"),
        ("requests.memory", "2049Mi"),
        ("limits.cpu", "1"),
        ("requests.ephemeral-storage", "1Gi"),
        ("hugepages-2Mi", "4Mi"),
        ("requests.example.com/gpu", "2"),
    ] {
        assert_eq!(quotas.used("q", name), used, "{name}");
    }
}

#[tokio::test]
async fn scopes_select_pods() {
    let cross = "affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: k, namespaces: [x]}]}}";
    let selector = |operator: &str, values: &str| {
        format!(
            "scopeSelector: {{matchExpressions: [{{scopeName: PriorityClass, operator: {operator}, values: {values}}}]}}"
        )
    };
    for (spec, given, matches) in [
        (
            "scopes: [Terminating]".to_owned(),
            "activeDeadlineSeconds: 5",
            true,
        ),
        ("scopes: [Terminating]".to_owned(), "", false),
        ("scopes: [NotTerminating]".to_owned(), "", true),
        ("scopes: [BestEffort]".to_owned(), "", true),
        ("scopes: [NotBestEffort]".to_owned(), "", false),
        (
            "scopes: [NotBestEffort, NotTerminating]".to_owned(),
            "containers: [{name: c, resources: {limits: {cpu: 1}}}]",
            true,
        ),
        (
            "scopes: [PriorityClass]".to_owned(),
            "priorityClassName: high",
            true,
        ),
        ("scopes: [PriorityClass]".to_owned(), "", false),
        (selector("In", "[high]"), "priorityClassName: high", true),
        (selector("In", "[high]"), "priorityClassName: low", false),
        (selector("NotIn", "[high]"), "", true),
        (
            selector("DoesNotExist", "[]"),
            "priorityClassName: low",
            false,
        ),
        (
            "scopes: [CrossNamespacePodAffinity]".to_owned(),
            cross,
            true,
        ),
        ("scopes: [CrossNamespacePodAffinity]".to_owned(), "", false),
    ] {
        let (chain, quotas) = quota("pods: 1", "pods: 0", &spec);
        Request::create_pod(pod("p", &format!("{{{given}}}")))
            .pod(&chain)
            .await;
        let used = quotas.used("q", "pods");
        assert_eq!(used == "1", matches, "{spec} {given}");
    }
    let (chain, quotas) = quota("configmaps: 0", "configmaps: 0", "scopes: [BestEffort]");
    let map: ConfigMap = from_yaml("{metadata: {name: m}}");
    of("ConfigMap", "configmaps", map)
        .send(&chain)
        .await
        .expect("scopes are about pods");
    assert_eq!(quotas.used("q", "configmaps"), "0");
}

#[tokio::test]
async fn services_count_the_node_ports_to_be_allocated() {
    let hard = "services: 9, services.nodeports: 9, services.loadbalancers: 1";
    let zero = "services: 0, services.nodeports: 0, services.loadbalancers: 0";
    let (chain, quotas) = quota(hard, zero, "");
    let service = |spec: &str| -> Service {
        from_yaml(&format!(
            "{{metadata: {{name: s}}, spec: {{{spec} ports: [{{port: 1}}, {{port: 2, nodePort: 30000}}]}}}}"
        ))
    };
    let used = || {
        ["services", "services.nodeports", "services.loadbalancers"].map(|n| quotas.used("q", n))
    };
    let create = |spec: &str| of("Service", "services", service(spec));
    create("").send(&chain).await.unwrap();
    assert_eq!(used(), ["1", "0", "0"]);
    create("type: NodePort,").send(&chain).await.unwrap();
    assert_eq!(used(), ["2", "2", "0"]);
    let balanced = "type: LoadBalancer, allocateLoadBalancerNodePorts: false,";
    create(balanced).send(&chain).await.unwrap();
    assert_eq!(used(), ["3", "3", "1"]);
    let mut update = create("type: LoadBalancer,");
    update.operation = Operation::Update;
    update.old = Some(Box::new(service("")));
    let (text, _) = update.denied(&chain).await;
    assert!(
        text.contains("requested: services.loadbalancers=1,"),
        "{text}"
    );
    let mut update = create("");
    update.operation = Operation::Update;
    update.old = Some(Box::new(service(balanced)));
    update.send(&chain).await.unwrap();
    assert_eq!(
        used(),
        ["3", "3", "1"],
        "only a recalculation reduces usage"
    );
}

#[tokio::test]
async fn claims_also_count_by_class() {
    let fast = "fast.storageclass.storage.k8s.io/requests.storage";
    let hard = format!("persistentvolumeclaims: 5, requests.storage: 10Gi, {fast}: 2Gi");
    let zero = format!("persistentvolumeclaims: 0, requests.storage: 0, {fast}: 0");
    let (chain, quotas) = quota(&hard, &zero, "");
    let claim = |class: &str, storage: &str| -> Request {
        let yaml = format!(
            "{{metadata: {{name: c}}, spec: {{storageClassName: {class}, resources: {{requests: {{storage: {storage}}}}}}}}}"
        );
        of(
            "PersistentVolumeClaim",
            "persistentvolumeclaims",
            from_yaml::<PersistentVolumeClaim>(&yaml),
        )
    };
    claim("slow", "3Gi").send(&chain).await.unwrap();
    claim("fast", "2Gi").send(&chain).await.unwrap();
    assert_eq!(quotas.used("q", "requests.storage"), "5Gi");
    assert_eq!(quotas.used("q", fast), "2Gi");
    let (text, _) = claim("fast", "1Gi").denied(&chain).await;
    assert!(
        text.contains(&format!("requested: {fast}=1Gi, used: {fast}=2Gi")),
        "{text}"
    );
}

#[tokio::test]
async fn other_kinds_are_counted_by_resource() {
    let (chain, quotas) = quota("count/deployments.apps: 1", "count/deployments.apps: 0", "");
    let request = || {
        let mut request = of("Deployment", "deployments", ConfigMap::default());
        request.resource.group = "apps";
        request
    };
    request().send(&chain).await.unwrap();
    assert_eq!(quotas.used("q", "count/deployments.apps"), "1");
    request().denied(&chain).await;
}

#[tokio::test]
async fn nothing_is_charged_for_status_or_for_updates_of_pods() {
    let (chain, quotas) = quota("pods: 0", "pods: 0", "");
    Request::update_pod(pod("p", "{}"), pod("p", "{}"))
        .pod(&chain)
        .await;
    let mut status = Request::create_pod(pod("p", "{}"));
    status.subresource = "binding";
    status.send(&chain).await.unwrap();
    assert_eq!(quotas.used("q", "pods"), "0");
}

#[tokio::test]
async fn events_and_reviews_are_not_counted() {
    let hard = "count/events: 0, count/localsubjectaccessreviews.authorization.k8s.io: 0";
    let (chain, _) = quota(hard, hard, "");
    let event: Event = from_yaml("{metadata: {name: e}, involvedObject: {}}");
    of("Event", "events", event.clone())
        .send(&chain)
        .await
        .unwrap();
    for (group, resource) in [
        ("events.k8s.io", "events"),
        ("authorization.k8s.io", "localsubjectaccessreviews"),
    ] {
        let mut request = of("Any", resource, event.clone());
        request.resource.group = group;
        request.send(&chain).await.unwrap();
    }
    let events = GroupResource {
        group: "",
        resource: "events",
    };
    let quota = from_yaml(&format!("{{spec: {{hard: {{{hard}}}}}}}"));
    assert!(!Meter::new(&quota).counts(events));
}

#[tokio::test]
async fn claims_are_charged_in_whole_bytes() {
    let (chain, quotas) = quota("requests.storage: 10", "requests.storage: 0", "");
    let claim: PersistentVolumeClaim =
        from_yaml("{metadata: {name: c}, spec: {resources: {requests: {storage: 1500m}}}}");
    of("PersistentVolumeClaim", "persistentvolumeclaims", claim)
        .send(&chain)
        .await
        .unwrap();
    assert_eq!(quotas.used("q", "requests.storage"), "2");
}

#[tokio::test]
async fn a_quota_is_enforced_before_its_usage_is_calculated() {
    let (chain, quotas) = quota("", "", "hard: {pods: 3, count/pods: 9, configmaps: 1}");
    Request::create_pod(pod("p", "{}")).pod(&chain).await;
    assert_eq!(quotas.used("q", "count/pods"), "3");
    assert_eq!(
        Request::create_pod(pod("p", "{}")).denied(&chain).await,
        forbidden(
            "pods \"p\"",
            "exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3"
        )
    );
}

#[test]
fn a_recalculation_skips_ended_pods_and_other_scopes() {
    let quota = from_yaml(
        "{spec: {hard: {pods: 5, count/pods: 5, requests.memory: 1Gi, limits.cpu: 2}, scopes: [NotTerminating]}}",
    );
    let mut meter = Meter::new(&quota);
    let services = GroupResource {
        group: "",
        resource: "services",
    };
    assert!(meter.counts(PODS) && !meter.counts(services));
    let ended = |phase: &str| -> Pod {
        from_yaml(&format!(
            "{{spec: {{containers: []}}, status: {{phase: {phase}}}}}"
        ))
    };
    let overdue: Pod = from_yaml(
        "{metadata: {deletionTimestamp: '2020-01-01T00:00:00Z', deletionGracePeriodSeconds: 30}, spec: {containers: []}}",
    );
    let asks = "{containers: [{name: a, resources: {requests: {memory: 1Mi}}}]}";
    for pod in [
        ended("Failed"),
        ended("Succeeded"),
        ended("Running"),
        overdue,
        pod("p", asks),
        pod("p", "{activeDeadlineSeconds: 5}"),
    ] {
        meter.add(PODS, &pod);
    }
    let status = meter.status();
    let (hard, used) = (status.hard.unwrap(), status.used.unwrap());
    assert_eq!(hard.len(), 4);
    let used: Vec<_> = used
        .iter()
        .map(|(k, v)| (k.as_str(), v.0.as_str()))
        .collect();
    assert_eq!(
        used,
        [
            ("count/pods", "5"),
            ("limits.cpu", "0"),
            ("pods", "2"),
            ("requests.memory", "1Mi")
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_at_once_never_exceed_a_quota() {
    let world = World::new();
    world.quotas.add(
        "{metadata: {namespace: default, name: q}, status: {hard: {pods: 100}, used: {pods: 0}}}",
    );
    let quotas = world.quotas.clone();
    // two servers on one store
    let mut other = World::new();
    other.quotas = quotas.clone();
    let chains = [world, other].map(|world| Arc::new(world.chain(&["ResourceQuota"])));
    let clients: Vec<_> = (0..64)
        .map(|client: usize| {
            let chain = chains[client % 2].clone();
            tokio::spawn(async move {
                let mut created = 0;
                for _ in 0..3 {
                    let request = Request::create_pod(pod("p", "{}"));
                    created += usize::from(request.send(&chain).await.is_ok());
                }
                created
            })
        })
        .collect();
    let mut created = 0;
    for client in clients {
        created += client.await.unwrap();
    }
    assert_eq!(created, 100);
    assert_eq!(quotas.used("q", "pods"), "100");
}
