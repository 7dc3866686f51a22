use k8s_openapi::api::core::v1::{PersistentVolume, Pod};
use k8s_openapi::api::storage::v1::VolumeAttachment;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::testing::user;

fn object<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn pod(name: &str, node: &str, mut spec: Value) -> Pod {
    spec["nodeName"] = node.into();
    spec["containers"] = json!([{"name": "c"}]);
    object(json!({"metadata": {"namespace": "ns", "name": name}, "spec": spec}))
}

fn volume(name: &str, claim: &str, secret: &str) -> PersistentVolume {
    let csi = json!({"driver": "d", "volumeHandle": "h", "nodeStageSecretRef": {"namespace": "far", "name": secret},
        "controllerExpandSecretRef": {"namespace": "far", "name": "controllers"}});
    object(json!({"metadata": {"name": name}, "spec": {
        "claimRef": {"namespace": "ns", "name": claim}, "csi": csi}}))
}

/// Decides on a request written as `verb group/resource/subresource namespace/name`.
fn ask(graph: &Arc<Graph>, node: &str, request: &str) -> Decision {
    let authorizer = NodeAuthorizer::new(graph.clone());
    let user = user(&format!("system:node:{node}"), &[UserInfo::NODES]);
    with_request(&user, request, |attributes| {
        let decision = authorizer.authorize(attributes);
        // the decision for all names must agree
        if let Target::Resource(target) = attributes.target
            && !target.name.is_empty()
        {
            let all = authorizer.names(attributes);
            assert_eq!(
                all.contains(target.name),
                decision.is_allowed(),
                "{request}"
            );
        }
        decision
    })
}

fn with_request<T>(user: &UserInfo, request: &str, f: impl Fn(&Attributes<'_>) -> T) -> T {
    let mut words = request.split(' ');
    let mut next = || words.next().unwrap_or_default();
    let (verb, what, which) = (next(), next(), next());
    let mut what = what.split('/');
    let mut next = || what.next().unwrap_or_default();
    let (group, resource, subresource) = (next(), next(), next());
    let (namespace, name) = which.split_once('/').unwrap_or(("", which));
    let target = Target::Resource(ResourceTarget {
        group,
        resource,
        subresource,
        namespace,
        name,
        ..ResourceTarget::default()
    });
    f(&Attributes { user, verb, target })
}

fn allows_each(graph: &Arc<Graph>, node: &str, requests: &[&str]) {
    for request in requests {
        let decision = ask(graph, node, request);
        assert!(decision.is_allowed(), "{node}: {request}: {decision:?}");
    }
}

fn refuses_each(graph: &Arc<Graph>, node: &str, requests: &[(&str, &str)]) {
    for (request, why) in requests {
        let reason = (*why).to_owned();
        let expected = Decision::NoOpinion { reason };
        assert_eq!(ask(graph, node, request), expected, "{node}: {request}");
    }
}

const UNRELATED: &str = "no relationship found between node 'n' and this object";

fn populated() -> Arc<Graph> {
    let graph = Arc::new(Graph::default());
    graph.put_pod(&pod(
        "p",
        "n",
        json!({"serviceAccountName": "sa", "imagePullSecrets": [{"name": "pull"}], "volumes": [
            {"name": "s", "secret": {"secretName": "s1"}},
            {"name": "c", "configMap": {"name": "cm1"}},
            {"name": "p", "projected": {"sources": [{"secret": {"name": "s2"}}, {"configMap": {"name": "cm2"}}]}},
            {"name": "v", "persistentVolumeClaim": {"claimName": "claim"}},
            {"name": "e", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}}]}),
    ));
    graph.put_volume(&volume("pv", "claim", "staged"));
    graph.put_attachment(&object::<VolumeAttachment>(
        json!({"metadata": {"name": "va"}, "spec": {"attacher": "a", "nodeName": "n", "source": {}}}),
    ));
    graph
}

#[test]
fn nodes_may_read_what_their_pods_refer_to() {
    let related = [
        "get /secrets ns/s1",
        "watch /secrets ns/s1",
        "list /secrets ns/s2",
        "get /secrets ns/pull",
        "get /secrets far/staged",
        "get /configmaps ns/cm1",
        "get /configmaps ns/cm2",
        "get /persistentvolumeclaims ns/claim",
        "get /persistentvolumeclaims ns/p-e",
        "patch /persistentvolumeclaims/status ns/claim",
        "get /persistentvolumes pv",
        "get storage.k8s.io/volumeattachments va",
        "create /serviceaccounts/token ns/sa",
    ];
    let graph = populated();
    allows_each(&graph, "n", &related);
    for request in related {
        let decision = ask(&graph, "other", request);
        let reason = UNRELATED.replace("'n'", "'other'");
        assert_eq!(decision, Decision::NoOpinion { reason }, "{request}");
    }
    refuses_each(
        &graph,
        "n",
        &[
            ("get /secrets ns/other", UNRELATED),
            ("get /secrets ns/staged", UNRELATED),
            ("get /secrets far/controllers", UNRELATED),
            ("create /serviceaccounts/token ns/default", UNRELATED),
        ],
    );
}

#[test]
fn removed_objects_grant_no_access() {
    let graph = populated();
    graph.put_pod(&pod(
        "q",
        "n",
        json!({"imagePullSecrets": [{"name": "pull"}]}),
    ));
    graph.delete_pod("ns", "p");
    allows_each(&graph, "n", &["get /secrets ns/pull"]);
    refuses_each(
        &graph,
        "n",
        &[
            ("get /secrets ns/s1", UNRELATED),
            ("get /secrets far/staged", UNRELATED),
            ("get /persistentvolumes pv", UNRELATED),
        ],
    );
    // bound to another node, as a pod of the same name may be
    graph.put_pod(&pod(
        "q",
        "m",
        json!({"imagePullSecrets": [{"name": "pull"}]}),
    ));
    refuses_each(&graph, "n", &[("get /secrets ns/pull", UNRELATED)]);
    allows_each(&graph, "m", &["get /secrets ns/pull"]);
    graph.delete_attachment("va");
    refuses_each(
        &graph,
        "n",
        &[("get storage.k8s.io/volumeattachments va", UNRELATED)],
    );
}

#[test]
fn volumes_are_related_by_their_current_claim() {
    let graph = populated();
    graph.put_volume(&volume("pv", "nobodys", "staged"));
    refuses_each(&graph, "n", &[("get /secrets far/staged", UNRELATED)]);
    graph.put_volume(&volume("pv", "claim", "other"));
    refuses_each(&graph, "n", &[("get /secrets far/staged", UNRELATED)]);
    allows_each(&graph, "n", &["get /secrets far/other"]);
    graph.delete_volume("pv");
    refuses_each(&graph, "n", &[("get /secrets far/other", UNRELATED)]);
}

#[test]
fn a_mirror_pod_grants_no_access() {
    let graph = Arc::new(Graph::default());
    let mut mirror = pod("p", "n", json!({"imagePullSecrets": [{"name": "pull"}]}));
    let annotation = ("kubernetes.io/config.mirror".to_owned(), String::new());
    mirror.metadata.annotations = Some([annotation].into());
    graph.put_pod(&mirror);
    refuses_each(&graph, "n", &[("get /secrets ns/pull", UNRELATED)]);
}

#[test]
fn denials_have_a_reason() {
    let own_lease = "can only access node lease with the same name as the requesting node";
    let system_leases = "can only access leases in the \"kube-node-lease\" system namespace";
    let own_csi_node = "can only access CSINode with the same name as the requesting node";
    refuses_each(
        &populated(),
        "n",
        &[
            (
                "update /secrets ns/s1",
                "can only read resources of this type",
            ),
            ("get /secrets/x ns/s1", "cannot read subresource"),
            (
                "list /secrets",
                "can only read namespaced object of this type",
            ),
            ("list /secrets ns/", "No Object name found"),
            (
                "list /persistentvolumes pv",
                "can only get individual resources of this type",
            ),
            ("get /persistentvolumes/status pv", "cannot get subresource"),
            (
                "get /persistentvolumeclaims/status ns/claim",
                "can only get/update/patch this type",
            ),
            (
                "create /serviceaccounts ns/",
                "can only create tokens for individual service accounts",
            ),
            (
                "create /serviceaccounts ns/sa",
                "can only create token subresource of serviceaccount",
            ),
            (
                "list coordination.k8s.io/leases kube-node-lease/",
                "can only get, create, update, patch, or delete a node lease",
            ),
            (
                "get coordination.k8s.io/leases kube-system/n",
                system_leases,
            ),
            (
                "get coordination.k8s.io/leases kube-node-lease/m",
                own_lease,
            ),
            (
                "list storage.k8s.io/csinodes",
                "can only get, create, update, patch, or delete a CSINode",
            ),
            (
                "get storage.k8s.io/csinodes/x n",
                "cannot authorize CSINode subresources",
            ),
            ("get storage.k8s.io/csinodes m", own_csi_node),
            ("get /nodes/proxy n", ""),
            ("delete /namespaces ns", ""),
        ],
    );
}

#[test]
fn requests_of_all_nodes_are_allowed() {
    allows_each(
        &Arc::new(Graph::default()),
        "n",
        &[
            "create coordination.k8s.io/leases kube-node-lease/",
            "update coordination.k8s.io/leases kube-node-lease/n",
            "create storage.k8s.io/csinodes",
            "get storage.k8s.io/csinodes n",
            "patch /nodes/status n",
            "list /pods",
            "watch /services",
            "create certificates.k8s.io/certificatesigningrequests",
        ],
    );
}

#[test]
fn only_nodes_are_allowed() {
    let authorizer = NodeAuthorizer::new(populated());
    for (name, groups, reason) in [
        ("system:node:n", &[][..], ""),
        ("alice", &[UserInfo::NODES], ""),
        (
            "system:node:",
            &[UserInfo::NODES],
            "unknown node for user \"system:node:\"",
        ),
    ] {
        let somebody = user(name, groups);
        let decision = with_request(&somebody, "get /secrets ns/s1", |attributes| {
            assert_eq!(authorizer.names(attributes), Names::default());
            authorizer.authorize(attributes)
        });
        let reason = reason.to_owned();
        assert_eq!(decision, Decision::NoOpinion { reason }, "{name}");
    }
    assert!(
        authorizer
            .rules(&user("system:node:n", &[UserInfo::NODES]), "ns")
            .incomplete
    );
    assert_eq!(
        authorizer.rules(&user("alice", &[]), "ns"),
        SubjectRulesReviewStatus::default()
    );
}
