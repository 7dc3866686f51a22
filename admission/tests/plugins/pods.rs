//! The plugins that set defaults in pods, nodes and volumes, and some that deny pods.

use k8s_openapi::api::core::v1::{Node, PersistentVolumeClaim, Pod, PodSpec, Service};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use portcullis_api::{GroupKind, GroupResource};

use crate::support::{Request, World, from_yaml, pod};

fn spec(pod: &Pod) -> &PodSpec {
    pod.spec.as_ref().unwrap()
}

fn of(
    kind: &'static str,
    group: &'static str,
    resource: &'static str,
) -> (GroupKind<'static>, GroupResource<'static>) {
    (GroupKind { group, kind }, GroupResource { group, resource })
}

#[tokio::test]
async fn pods_tolerate_unreachable_nodes_for_five_minutes() {
    let chain = World::new().chain(&["DefaultTolerationSeconds"]);
    let not_ready = "{key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 300}";
    let unreachable = "{key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 300}";
    let one = "{key: node.kubernetes.io/not-ready, operator: Exists, tolerationSeconds: 7}";
    let other = "{key: x, operator: Exists}";
    let all = "{operator: Exists}";
    for (given, wanted) in [
        (String::new(), format!("{not_ready}, {unreachable}")),
        (one.to_owned(), format!("{one}, {unreachable}")),
        (
            other.to_owned(),
            format!("{other}, {not_ready}, {unreachable}"),
        ),
        (all.to_owned(), all.to_owned()),
    ] {
        let wanted = pod("a", &format!("{{tolerations: [{wanted}]}}"));
        let created = pod("a", &format!("{{tolerations: [{given}]}}"));
        assert_eq!(
            Request::create_pod(created.clone()).pod(&chain).await,
            wanted
        );
        let update = Request::update_pod(wanted.clone(), created);
        assert_eq!(update.pod(&chain).await, wanted);
    }
}

/// The classes of these tests; `glob` is the default class, if there is one.
fn classes(with_default: bool) -> World {
    let mut world = World::new();
    let classes = &mut world.priority_classes;
    classes.add(from_yaml(
        "{metadata: {name: high}, value: 317405, preemptionPolicy: PreemptLowerPriority}",
    ));
    classes.add(from_yaml(
        "{metadata: {name: never}, value: -5, preemptionPolicy: Never}",
    ));
    classes.add(from_yaml("{metadata: {name: plain}, value: 3}"));
    classes.add_to_store(from_yaml(
        "{metadata: {name: late}, value: 4, preemptionPolicy: Never}",
    ));
    if with_default {
        classes.add(from_yaml(
            "{metadata: {name: glob}, value: 17, globalDefault: true, preemptionPolicy: Never}",
        ));
        classes.add(from_yaml(
            "{metadata: {name: more}, value: 18, globalDefault: true}",
        ));
    }
    world
}

#[tokio::test]
async fn priorities_come_from_classes() {
    let lower = "preemptionPolicy: PreemptLowerPriority";
    for (with_default, given, wanted) in [
        (false, String::new(), format!("priority: 0, {lower}")),
        (
            true,
            String::new(),
            "priorityClassName: glob, priority: 17, preemptionPolicy: Never".to_owned(),
        ),
        (
            true,
            "priorityClassName: high".to_owned(),
            format!("priorityClassName: high, priority: 317405, {lower}"),
        ),
        (
            false,
            "priorityClassName: never, priority: -5".to_owned(),
            "priorityClassName: never, priority: -5, preemptionPolicy: Never".to_owned(),
        ),
        (
            false,
            "priorityClassName: plain".to_owned(),
            "priorityClassName: plain, priority: 3".to_owned(),
        ),
        (
            false,
            "priorityClassName: late".to_owned(),
            "priorityClassName: late, priority: 4, preemptionPolicy: Never".to_owned(),
        ),
        (
            false,
            "priorityClassName: system-node-critical".to_owned(),
            format!("priorityClassName: system-node-critical, priority: 2000001000, {lower}"),
        ),
        (
            false,
            "priorityClassName: system-cluster-critical".to_owned(),
            format!("priorityClassName: system-cluster-critical, priority: 2000000000, {lower}"),
        ),
    ] {
        let chain = classes(with_default).chain(&["Priority"]);
        let created = Request::create_pod(pod("a", &format!("{{{given}}}")));
        let wanted = pod("a", &format!("{{{wanted}}}"));
        assert_eq!(created.pod(&chain).await, wanted, "{given}");
    }
}

#[tokio::test]
async fn priorities_that_differ_from_their_class_are_denied() {
    let chain = classes(false).chain(&["Priority"]);
    for (given, why) in [
        (
            "{priorityClassName: nope}",
            "no PriorityClass with name nope was found",
        ),
        (
            "{priorityClassName: high, priority: 7}",
            "the integer value of priority (7) must not be provided in pod spec; priority admission controller computed 317405 from the given PriorityClass name",
        ),
        (
            "{preemptionPolicy: Odd}",
            "the string value of PreemptionPolicy (Odd) must not be provided in pod spec; priority admission controller computed PreemptLowerPriority from the given PriorityClass name",
        ),
    ] {
        let denied = Request::create_pod(pod("a", given)).denied(&chain).await;
        assert_eq!(denied, (format!("pods \"a\" is forbidden: {why}"), 403));
    }
}

#[tokio::test]
async fn an_update_keeps_priority() {
    let chain = classes(false).chain(&["Priority"]);
    let old = pod("a", "{priority: 7, preemptionPolicy: Never}");
    let update = Request::update_pod(old.clone(), pod("a", "{}"));
    assert_eq!(update.pod(&chain).await, old);
}

#[tokio::test]
async fn a_second_default_class_is_denied() {
    let (kind, resource) = of("PriorityClass", "scheduling.k8s.io", "priorityclasses");
    let class = |name: &str| -> PriorityClass {
        from_yaml(&format!(
            "{{metadata: {{name: {name}}}, value: 1, globalDefault: true}}"
        ))
    };
    let chain = classes(true).chain(&["Priority"]);
    let denied = Request::create(kind, resource, class("third"))
        .denied(&chain)
        .await;
    let text = r#"priorityclasses.scheduling.k8s.io "third" is forbidden: PriorityClass glob is already marked as default. Only one default can exist"#;
    assert_eq!(denied, (text.to_owned(), 403));
    let mut update = Request::create(kind, resource, class("glob"));
    update.operation = portcullis_admission::Operation::Update;
    update
        .send(&chain)
        .await
        .expect("it is the default class itself");
    let chain = classes(false).chain(&["Priority"]);
    Request::create(kind, resource, class("third"))
        .send(&chain)
        .await
        .unwrap();
}

#[tokio::test]
async fn runtime_classes_add_overhead_and_scheduling() {
    let world = || {
        let mut world = World::new();
        world.runtime_classes.add(from_yaml(
            "{metadata: {name: kata}, handler: kata, overhead: {podFixed: {memory: 64Mi}}, scheduling: {nodeSelector: {kata: 'yes'}, tolerations: [{key: kata, operator: Exists}]}}",
        ));
        world
            .runtime_classes
            .add_to_store(from_yaml("{metadata: {name: plain}, handler: plain}"));
        world.chain(&["RuntimeClass"])
    };
    let chain = world();
    let created = Request::create_pod(pod("a", "{runtimeClassName: kata, nodeSelector: {a: b}}"));
    assert_eq!(
        created.pod(&chain).await,
        pod(
            "a",
            "{runtimeClassName: kata, nodeSelector: {a: b, kata: 'yes'}, overhead: {memory: 64Mi}, tolerations: [{key: kata, operator: Exists}]}"
        ),
    );
    let same = pod(
        "a",
        "{runtimeClassName: kata, overhead: {memory: 65536Ki}, tolerations: [{operator: Exists}]}",
    );
    let same = Request::create_pod(same).pod(&chain).await;
    assert_eq!(spec(&same).tolerations.as_ref().map(Vec::len), Some(1));
    // tolerations that the class's one covers are removed
    let narrow = "tolerations: [{key: kata, operator: Equal, value: x, effect: NoSchedule}, {key: b, operator: Exists}]";
    let narrow = pod("a", &format!("{{runtimeClassName: kata, {narrow}}}"));
    let merged = Request::create_pod(narrow).pod(&chain).await;
    let wanted = "[{key: b, operator: Exists}, {key: kata, operator: Exists}]";
    assert_eq!(spec(&merged).tolerations, Some(from_yaml(wanted)));
    Request::create_pod(pod("a", "{runtimeClassName: plain}"))
        .pod(&chain)
        .await;
    Request::create_pod(pod("a", "{}")).pod(&chain).await;
    for (given, why) in [
        (
            "{runtimeClassName: nope}",
            "pod rejected: RuntimeClass \"nope\" not found",
        ),
        (
            "{runtimeClassName: kata, overhead: {memory: 1Mi}}",
            "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
        ),
        (
            "{overhead: {memory: 1Mi}}",
            "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead",
        ),
        (
            "{runtimeClassName: kata, nodeSelector: {kata: 'no'}}",
            "conflict: runtimeClass.scheduling.nodeSelector[kata] = yes; pod.spec.nodeSelector[kata] = no",
        ),
    ] {
        let denied = Request::create_pod(pod("a", given)).denied(&chain).await;
        assert_eq!(denied, (format!("pods \"a\" is forbidden: {why}"), 403));
    }
}

#[tokio::test]
async fn requests_for_extended_resources_add_tolerations() {
    let chain = World::new().chain(&["ExtendedResourceToleration"]);
    let asks = "containers: [{name: a, resources: {requests: {cpu: 1, b.example/x: 1, kubernetes.io/y: 1}}}], initContainers: [{name: i, resources: {requests: {a.example/x: 1}}}]";
    let tolerates = |name: &str| format!("{{key: {name}, operator: Exists, effect: NoSchedule}}");
    let both = |own: &str| {
        let (a, b) = (tolerates("a.example/x"), tolerates("b.example/x"));
        pod("a", &format!("{{{asks}, tolerations: [{own}{a}, {b}]}}"))
    };
    let given = pod("a", &format!("{{{asks}}}"));
    assert_eq!(Request::create_pod(given).pod(&chain).await, both(""));
    // an existing toleration with a time limit loses the limit
    let limited = "{key: a.example/x, operator: Exists, effect: NoSchedule, tolerationSeconds: 5}";
    let given = pod("a", &format!("{{{asks}, tolerations: [{limited}]}}"));
    let created = Request::create_pod(given).pod(&chain).await;
    assert_eq!(created, both(""));
    let again = Request::update_pod(created.clone(), created.clone());
    assert_eq!(again.pod(&chain).await, created);
    let plain = pod("a", "{}");
    assert_eq!(Request::create_pod(plain.clone()).pod(&chain).await, plain);
}

#[tokio::test]
async fn pods_get_the_node_selector_of_their_namespace() {
    let mut world = World::new();
    for (name, selector) in [("here", "zone=a, disk = ssd"), ("odd", "zone")] {
        let annotation = format!("{{scheduler.alpha.kubernetes.io/node-selector: '{selector}'}}");
        world.namespaces.add(from_yaml(&format!(
            "{{metadata: {{name: {name}, annotations: {annotation}}}}}"
        )));
    }
    let chain = world.chain(&["PodNodeSelector"]);
    let create =
        |namespace: &str, spec: &str| Request::create_pod(pod("a", spec)).in_namespace(namespace);
    for (namespace, given, wanted) in [
        ("default", "{}", "{}"),
        ("here", "{}", "{nodeSelector: {disk: ssd, zone: a}}"),
        (
            "here",
            "{nodeSelector: {zone: a, x: z}}",
            "{nodeSelector: {disk: ssd, x: z, zone: a}}",
        ),
    ] {
        let created = create(namespace, given).pod(&chain).await;
        assert_eq!(created, pod("a", wanted), "{given}");
    }
    let conflict = create("here", "{nodeSelector: {zone: b}}");
    let why = "pod node label selector conflicts with its namespace node label selector";
    assert_eq!(
        conflict.denied(&chain).await,
        (format!("pods \"a\" is forbidden: {why}"), 403)
    );
    let (text, code) = create("odd", "{}").denied(&chain).await;
    assert_eq!(
        (text.as_str(), code),
        ("Internal error occurred: invalid selector: [zone]", 500)
    );
    let missing = create("none", "{}").denied(&chain).await;
    assert_eq!(missing, ("namespaces \"none\" not found".to_owned(), 404));
}

#[tokio::test]
async fn new_nodes_are_tainted_not_ready() {
    let chain = World::new().chain(&["TaintNodesByCondition"]);
    let (kind, resource) = of("Node", "", "nodes");
    let tainted: Node = from_yaml(
        "{metadata: {name: n1}, spec: {taints: [{key: node.kubernetes.io/not-ready, effect: NoSchedule}]}}",
    );
    let bare: Node = from_yaml("{metadata: {name: n1}}");
    for node in [bare, tainted.clone()] {
        let answer = Request::create(kind, resource, node)
            .send(&chain)
            .await
            .unwrap();
        assert_eq!(answer.object::<Node>(), tainted);
    }
}

#[tokio::test]
async fn claims_and_volumes_get_protection_finalizers() {
    let chain = World::new().chain(&["StorageObjectInUseProtection"]);
    let (kind, resource) = of("PersistentVolumeClaim", "", "persistentvolumeclaims");
    let claim: PersistentVolumeClaim = from_yaml("{metadata: {name: c, finalizers: [a/b]}}");
    let answer = Request::create(kind, resource, claim)
        .send(&chain)
        .await
        .unwrap();
    let claim = answer.object::<PersistentVolumeClaim>();
    let finalizers = claim.metadata.finalizers.unwrap();
    assert_eq!(finalizers, ["a/b", "kubernetes.io/pvc-protection"]);
}

#[tokio::test]
async fn always_pull_images_sets_the_policy_of_every_container() {
    let chain = World::new().chain(&["AlwaysPullImages"]);
    let containers = |policy: &str| {
        let list = format!("[{{name: c, image: i, imagePullPolicy: {policy}}}]");
        pod(
            "a",
            &format!("{{initContainers: {list}, containers: {list}}}"),
        )
    };
    let created = Request::create_pod(containers("Never")).pod(&chain).await;
    assert_eq!(created, containers("Always"));
    let update = Request::update_pod(containers("Never"), containers("Never"));
    assert_eq!(update.pod(&chain).await, containers("Never"));
}

/// The plugins that check images and security contexts also check containers that are added later.
#[tokio::test]
async fn added_ephemeral_containers_are_checked() {
    let adding = |before: &str, added: &str| {
        let old = pod("a", &format!("{{ephemeralContainers: [{before}]}}"));
        let both = [before, added].map(str::trim).join(", ");
        let both = both.trim_start_matches(", ");
        let new = pod("a", &format!("{{ephemeralContainers: [{both}]}}"));
        let mut request = Request::update_pod(old, new);
        request.subresource = "ephemeralcontainers";
        request
    };
    let chain = World::new().chain(&["AlwaysPullImages"]);
    let there = "{name: old, image: i, imagePullPolicy: Never}";
    let added = adding(there, "{name: new, image: i, imagePullPolicy: Never}");
    let containers = added.pod(&chain).await.spec.unwrap().ephemeral_containers;
    let policies: Vec<_> = containers
        .unwrap()
        .into_iter()
        .map(|c| c.image_pull_policy.unwrap())
        .collect();
    assert_eq!(policies, ["Never", "Always"]);

    let chain = World::new().chain(&["SecurityContextDeny"]);
    let added = "{name: new, image: i, securityContext: {runAsUser: 0}}";
    let (text, code) = adding("", added).denied(&chain).await;
    assert_eq!(code, 403);
    assert!(
        text.contains("SecurityContext.RunAsUser is forbidden"),
        "{text}"
    );
    adding("", "{name: new, image: i}").pod(&chain).await;
}

#[tokio::test]
async fn deprecated_plugins_still_deny() {
    let anti_affinity = |key: &str| {
        format!(
            "{{affinity: {{podAntiAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: [{{topologyKey: {key}}}]}}}}}}"
        )
    };
    for (plugin, given, why) in [
        (
            "SecurityContextDeny",
            "{securityContext: {runAsUser: 1}}".to_owned(),
            "pod.Spec.SecurityContext.RunAsUser is forbidden",
        ),
        (
            "SecurityContextDeny",
            "{containers: [{name: c, securityContext: {seLinuxOptions: {level: s0}}}]}".to_owned(),
            "SecurityContext.SELinuxOptions is forbidden",
        ),
        (
            "LimitPodHardAntiAffinityTopology",
            anti_affinity("zone"),
            "affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey zone but only key kubernetes.io/hostname is allowed",
        ),
    ] {
        let chain = World::new().chain(&[plugin]);
        let denied = Request::create_pod(pod("a", &given)).denied(&chain).await;
        assert_eq!(denied, (format!("pods \"a\" is forbidden: {why}"), 403));
        let fine = pod("a", &anti_affinity("kubernetes.io/hostname"));
        Request::create_pod(fine).pod(&chain).await;
    }
}

#[tokio::test]
async fn services_may_keep_but_not_add_external_ips() {
    let chain = World::new().chain(&["DenyServiceExternalIPs"]);
    let (kind, resource) = of("Service", "", "services");
    let service = |ips: &str| -> Service {
        from_yaml(&format!(
            "{{metadata: {{name: s}}, spec: {{externalIPs: {ips}}}}}"
        ))
    };
    let denied = Request::create(kind, resource, service("[1.2.3.4]"))
        .denied(&chain)
        .await;
    let text = r#"services "s" is forbidden: Use of external IPs is denied by admission control"#;
    assert_eq!(denied, (text.to_owned(), 403));
    let mut update = Request::create(kind, resource, service("[1.2.3.4]"));
    update.old = Some(Box::new(service("[1.2.3.4, 1.2.3.5]")));
    update.send(&chain).await.unwrap();
}
