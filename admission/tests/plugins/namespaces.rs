//! `NamespaceLifecycle`.

use k8s_openapi::api::authorization::v1::LocalSubjectAccessReview;
use k8s_openapi::api::core::v1::Namespace;
use portcullis_admission::{Chain, Operation};
use portcullis_api::{GroupKind, GroupResource};

use crate::support::{Request, World, from_yaml, pod};

const NAMESPACE: GroupKind<'static> = GroupKind {
    group: "",
    kind: "Namespace",
};
const NAMESPACES: GroupResource<'static> = GroupResource {
    group: "",
    resource: "namespaces",
};

fn namespace(name: &str, phase: &str) -> Namespace {
    from_yaml(&format!(
        "metadata: {{name: {name}}}\nstatus: {{phase: {phase}}}"
    ))
}

fn chain() -> Chain {
    let mut world = World::new();
    world.namespaces.add(namespace("going", "Terminating"));
    world.namespaces.add(namespace("doubtful", "Active"));
    world
        .namespaces
        .add_to_store(namespace("doubtful", "Terminating"));
    world.namespaces.add_to_store(namespace("fresh", "Active"));
    world.chain(&["NamespaceLifecycle"])
}

fn delete(name: &str) -> Request {
    Request {
        operation: Operation::Delete,
        namespace: name.to_owned(),
        object: None,
        ..Request::create(NAMESPACE, NAMESPACES, namespace(name, "Active"))
    }
}

#[tokio::test]
async fn three_namespaces_cannot_be_deleted() {
    let chain = chain();
    for name in ["default", "kube-system", "kube-public"] {
        let (text, code) = delete(name).denied(&chain).await;
        let wanted =
            format!("namespaces \"{name}\" is forbidden: this namespace may not be deleted");
        assert_eq!((text, code), (wanted, 403));
    }
    delete("kube-node-lease").send(&chain).await.unwrap();
}

#[tokio::test]
async fn a_missing_namespace_is_404_for_creations_and_updates() {
    let chain = chain();
    let create = Request::create_pod(pod("a", "{}")).in_namespace("absent");
    let update = Request::update_pod(pod("a", "{}"), pod("a", "{}")).in_namespace("absent");
    for request in [create, update] {
        let denied = request.denied(&chain).await;
        assert_eq!(denied, (r#"namespaces "absent" not found"#.to_owned(), 404));
    }
    let fresh = Request::create_pod(pod("a", "{}")).in_namespace("fresh");
    fresh.send(&chain).await.expect("it exists in the store");
}

#[tokio::test]
async fn a_terminating_namespace_allows_no_creations() {
    let chain = chain();
    let create = Request::create_pod(pod("a", "{}")).in_namespace("going");
    let status = create.send(&chain).await.unwrap_err().status;
    assert_eq!(
        status.message,
        r#"pods "a" is forbidden: unable to create new content in namespace going because it is being terminated"#
    );
    assert_eq!(status.code, 403);
    let causes = status.details.unwrap().causes;
    assert_eq!(causes.len(), 1);
    assert_eq!(causes[0].reason, "NamespaceTerminating");
    assert_eq!(causes[0].message, "namespace going is being terminated");
    assert_eq!(causes[0].field, "metadata.namespace");

    let update = Request::update_pod(pod("a", "{}"), pod("a", "{}")).in_namespace("going");
    update
        .send(&chain)
        .await
        .expect("existing objects may be updated");
    let mut deletion = Request::create_pod(pod("a", "{}")).in_namespace("going");
    deletion.operation = Operation::Delete;
    deletion
        .send(&chain)
        .await
        .expect("existing objects may be deleted");
}

#[tokio::test]
async fn after_a_deletion_the_namespace_is_read_from_the_store() {
    let chain = chain();
    let create = || Request::create_pod(pod("a", "{}")).in_namespace("doubtful");
    create()
        .send(&chain)
        .await
        .expect("the cache has it as active");
    delete("doubtful").send(&chain).await.unwrap();
    let (text, _) = create().denied(&chain).await;
    assert!(text.ends_with("because it is being terminated"), "{text}");
}

#[tokio::test]
async fn access_reviews_and_cluster_scoped_kinds_require_no_namespace() {
    let chain = chain();
    let kind = GroupKind {
        group: "authorization.k8s.io",
        kind: "LocalSubjectAccessReview",
    };
    let resource = GroupResource {
        group: "authorization.k8s.io",
        resource: "localsubjectaccessreviews",
    };
    let review = Request::create(kind, resource, LocalSubjectAccessReview::default());
    review.in_namespace("absent").send(&chain).await.unwrap();
    let new = Request::create(NAMESPACE, NAMESPACES, namespace("new", "Active"));
    new.in_namespace("").send(&chain).await.unwrap();
}

#[tokio::test]
async fn namespace_exists_ignores_the_phase() {
    let mut world = World::new();
    world.namespaces.add(namespace("going", "Terminating"));
    world.namespaces.add_to_store(namespace("fresh", "Active"));
    let chain = world.chain(&["NamespaceExists"]);
    for there in ["default", "going", "fresh"] {
        let create = Request::create_pod(pod("a", "{}")).in_namespace(there);
        create.send(&chain).await.unwrap();
    }
    let mut delete = Request::create_pod(pod("a", "{}")).in_namespace("absent");
    delete.operation = Operation::Delete;
    let denied = delete.denied(&chain).await;
    assert_eq!(denied, (r#"namespaces "absent" not found"#.to_owned(), 404));
}
