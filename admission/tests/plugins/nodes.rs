//! `NodeRestriction`.

use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, PersistentVolumeClaim, Pod};
use k8s_openapi::api::policy::v1::Eviction;
use portcullis_admission::{Chain, Operation};
use portcullis_api::{GroupKind, GroupResource, Object};

use crate::support::{Request, World, from_yaml, user};

const OWNER: &str = "apiVersion: v1, kind: Node, name: n1, uid: u1, controller: true";

/// A chain with two nodes and a pod on each.
fn chain() -> Chain {
    let mut world = World::new();
    for n in ["1", "2"] {
        let node = format!("{{metadata: {{name: n{n}, uid: u{n}}}}}");
        world.nodes.add(from_yaml(&node));
        world.pods.add(on(n));
    }
    world.chain(&["NodeRestriction"])
}

fn on(n: &str) -> Pod {
    from_yaml(&format!(
        "{{metadata: {{namespace: default, name: p{n}, uid: x{n}}}, spec: {{nodeName: n{n}, containers: []}}}}"
    ))
}

fn mirror(owners: &str, spec: &str) -> Pod {
    from_yaml(&format!(
        "{{metadata: {{name: m, annotations: {{kubernetes.io/config.mirror: x}}, ownerReferences: [{owners}]}}, spec: {{containers: [], {spec}}}}}"
    ))
}

fn of(
    group: &'static str,
    kind: &'static str,
    resource: &'static str,
    object: impl Object,
) -> Request {
    by_node(Request::create(
        GroupKind { group, kind },
        GroupResource { group, resource },
        object,
    ))
}

fn by_node(mut request: Request) -> Request {
    request.user = user("system:node:n1");
    request.user.groups.push("system:nodes".to_owned());
    request
}

fn updating(mut request: Request, old: impl Object, subresource: &'static str) -> Request {
    request.operation = Operation::Update;
    request.old = Some(Box::new(old));
    request.subresource = subresource;
    request
}

/// Expects a denial for this reason, or none if it is empty.
async fn check(request: Request, why: &str) {
    let given = format!("{:?}", request.object);
    match request.send(&chain()).await {
        Ok(_) => assert_eq!(why, "", "{given}"),
        Err(denial) => {
            let text = denial.status.message;
            assert!(
                !why.is_empty() && text.ends_with(why),
                "{text}, not {why}: {given}"
            );
        }
    }
}

#[tokio::test]
async fn users_that_are_not_nodes_are_not_restricted() {
    let plain: Pod = from_yaml("{metadata: {name: p}, spec: {containers: []}}");
    Request::create_pod(plain.clone()).pod(&chain()).await;
    let mut unnamed = by_node(Request::create_pod(plain.clone()));
    unnamed.user.name = "system:node:".to_owned();
    check(
        unnamed,
        "could not determine node from user \"system:node:\"",
    )
    .await;
    let mut outsider = by_node(Request::create_pod(plain));
    outsider.user.groups.clear();
    check(outsider, "").await;
}

#[tokio::test]
async fn a_node_creates_only_its_own_mirror_pods_without_references() {
    let plain: Pod = from_yaml("{metadata: {name: p}, spec: {containers: []}}");
    let here = "nodeName: n1";
    let with = |spec: &str| mirror(&format!("{{{OWNER}}}"), &format!("{here}, {spec}"));
    let owned = |owner: &str| mirror(owner, here);
    for (pod, why) in [
        (
            plain,
            "pod does not have \"kubernetes.io/config.mirror\" annotation, node \"n1\" can only create mirror pods",
        ),
        (
            mirror("", "nodeName: n2"),
            "node \"n1\" can only create pods with spec.nodeName set to itself",
        ),
        (
            owned(""),
            "node \"n1\" can only create pods with an owner reference set to itself",
        ),
        (
            owned(&format!("{{{OWNER}}}, {{{OWNER}}}")),
            "node \"n1\" can only create pods with a single owner reference set to itself",
        ),
        (
            owned("{apiVersion: v1, kind: Node, name: n2, uid: u2}"),
            "node \"n1\" can only create pods with an owner reference set to itself",
        ),
        (
            owned("{apiVersion: v1, kind: Node, name: n1, uid: u1}"),
            "node \"n1\" can only create pods with a controller owner reference set to itself",
        ),
        (
            owned(&format!("{{{OWNER}, blockOwnerDeletion: true}}")),
            "node \"n1\" must not set blockOwnerDeletion on an owner reference",
        ),
        (
            owned("{apiVersion: v1, kind: Node, name: n1, uid: old, controller: true}"),
            "node n1 UID mismatch: expected old got u1",
        ),
        (
            with("serviceAccountName: a"),
            "node \"n1\" can not create pods that reference a service account",
        ),
        (
            with("volumes: [{name: v, secret: {secretName: s}}]"),
            "node \"n1\" can not create pods that reference secrets",
        ),
        (
            with("volumes: [{name: v, projected: {sources: [{configMap: {name: c}}]}}]"),
            "node \"n1\" can not create pods that reference configmaps",
        ),
        (
            with("volumes: [{name: v, persistentVolumeClaim: {claimName: c}}]"),
            "node \"n1\" can not create pods that reference persistentvolumeclaims",
        ),
        (with("volumes: [{name: v, emptyDir: {}}]"), ""),
    ] {
        check(by_node(Request::create_pod(pod)), why).await;
    }
}

#[tokio::test]
async fn a_node_changes_and_deletes_only_pods_bound_to_it() {
    for (n, whether) in [("1", true), ("2", false)] {
        let expect = |why: &'static str| if whether { "" } else { why };
        let request = updating(by_node(Request::create_pod(on(n))), on(n), "status");
        let why =
            "node \"n1\" can only update pod status for pods with spec.nodeName set to itself";
        check(request, expect(why)).await;
        let mut request = by_node(Request::create_pod(on(n)));
        request.operation = Operation::Delete;
        request.object = None;
        let why = "node \"n1\" can only delete pods with spec.nodeName set to itself";
        check(request, expect(why)).await;
        let eviction: Eviction = from_yaml(&format!("{{metadata: {{name: p{n}}}}}"));
        let mut request = of("", "Eviction", "pods", eviction);
        request.subresource = "eviction";
        let why = "node n1 can only evict pods with spec.nodeName set to itself";
        check(request, expect(why)).await;
        let token: TokenRequest = from_yaml(&format!(
            "{{metadata: {{name: default}}, spec: {{audiences: [], boundObjectRef: {{apiVersion: v1, kind: Pod, name: p{n}, uid: x{n}}}}}}}"
        ));
        let mut request = of("", "TokenRequest", "serviceaccounts", token);
        request.subresource = "token";
        check(
            request,
            expect("node requested token bound to a pod scheduled on a different node"),
        )
        .await;
    }
    let mut labelled = on("1");
    labelled.metadata.labels = Some([("a".to_owned(), "b".to_owned())].into());
    let request = updating(by_node(Request::create_pod(labelled)), on("1"), "status");
    check(
        request,
        "node \"n1\" cannot update labels through pod status",
    )
    .await;
    let request = updating(by_node(Request::create_pod(on("1"))), on("1"), "");
    check(
        request,
        "unexpected operation \"UPDATE\", node \"n1\" can only create and delete mirror pods",
    )
    .await;
    let mut request = by_node(Request::create_pod(on("1")));
    request.subresource = "binding";
    check(
        request,
        "unexpected pod subresource \"binding\", only 'status' and 'eviction' are allowed",
    )
    .await;
}

#[tokio::test]
async fn a_token_must_be_bound_to_an_existing_pod() {
    for (bound, why) in [
        ("", "node requested token not bound to a pod"),
        (
            "boundObjectRef: {apiVersion: v1, kind: Secret, name: s}",
            "node requested token not bound to a pod",
        ),
        (
            "boundObjectRef: {apiVersion: v1, kind: Pod, name: p1}",
            "node requested token with a pod binding without a uid",
        ),
        (
            "boundObjectRef: {apiVersion: v1, kind: Pod, name: p1, uid: old}",
            "the UID in the bound object reference (old) does not match the UID in record. The object might have been deleted and then recreated",
        ),
        (
            "boundObjectRef: {apiVersion: v1, kind: Pod, name: none, uid: x}",
            "pods \"none\" not found",
        ),
    ] {
        let token: TokenRequest = from_yaml(&format!(
            "{{metadata: {{name: default}}, spec: {{audiences: [], {bound}}}}}"
        ));
        let mut request = of("", "TokenRequest", "serviceaccounts", token);
        request.subresource = "token";
        check(request, why).await;
    }
}

fn node(name: &str, labels: &str, spec: &str) -> Node {
    from_yaml(&format!(
        "{{metadata: {{name: {name}, labels: {{{labels}}}}}, spec: {{{spec}}}}}"
    ))
}

#[tokio::test]
async fn a_node_changes_only_itself_and_no_restricted_labels_or_taints() {
    let nodes = |object: Node| of("", "Node", "nodes", object);
    for (made, why) in [
        (
            node(
                "n1",
                "kubernetes.io/hostname: n1, my.org/x: z, kubelet.kubernetes.io/a: b, x.node.kubernetes.io/c: d",
                "",
            ),
            "",
        ),
        (
            node("n2", "", ""),
            "node \"n1\" is not allowed to modify node \"n2\"",
        ),
        (
            node(
                "n1",
                "node-restriction.kubernetes.io/a: b, k8s.io/x: v, foo.kubernetes.io/z: w",
                "",
            ),
            "node \"n1\" is not allowed to set the following labels: foo.kubernetes.io/z, k8s.io/x, node-restriction.kubernetes.io/a",
        ),
        (
            node(
                "n1",
                "",
                "configSource: {configMap: {namespace: a, name: b, kubeletConfigKey: c}}",
            ),
            "node \"n1\" is not allowed to create pods with a non-nil configSource",
        ),
    ] {
        check(nodes(made), why).await;
    }
    let old = || node("n1", "a.node-restriction.kubernetes.io/b: c", "");
    for (new, why) in [
        (old(), ""),
        (
            node(
                "n1",
                "a.node-restriction.kubernetes.io/b: c",
                "taints: [{key: k, effect: NoSchedule}]",
            ),
            "node \"n1\" is not allowed to modify taints",
        ),
        (
            node("n1", "", ""),
            "is not allowed to modify labels: a.node-restriction.kubernetes.io/b",
        ),
    ] {
        for subresource in ["", "status"] {
            check(updating(nodes(new.clone()), old(), subresource), why).await;
        }
    }
}

#[tokio::test]
async fn a_node_updates_its_lease_and_the_sizes_of_claims() {
    let lease = |name: &str, namespace: &str| {
        let lease: Lease = from_yaml(&format!("{{metadata: {{name: {name}}}}}"));
        of("coordination.k8s.io", "Lease", "leases", lease).in_namespace(namespace)
    };
    check(lease("n1", "kube-node-lease"), "").await;
    check(
        lease("n1", "default"),
        "can only access leases in the \"kube-node-lease\" system namespace",
    )
    .await;
    check(
        lease("n2", "kube-node-lease"),
        "can only access node lease with the same name as the requesting node",
    )
    .await;
    let claim = |metadata: &str, status: &str| -> PersistentVolumeClaim {
        from_yaml(&format!(
            "{{metadata: {{name: c, {metadata}}}, status: {{{status}}}}}"
        ))
    };
    let claims = |object| {
        of(
            "",
            "PersistentVolumeClaim",
            "persistentvolumeclaims",
            object,
        )
    };
    check(claims(claim("", "")), "may only update PVC status").await;
    let grown = claim("", "capacity: {storage: 2Gi}");
    check(updating(claims(grown), claim("", ""), "status"), "").await;
    let phase = claim("", "phase: Bound");
    let why = "node \"n1\" is not allowed to update fields other than status.capacity and status.conditions";
    check(updating(claims(phase), claim("", ""), "status"), why).await;
}
