//! `OwnerReferencesPermissionEnforcement`.

use k8s_openapi::api::core::v1::Pod;
use portcullis_admission::permissions::Permission;
use portcullis_admission::{Chain, Operation};
use portcullis_api::GroupResource;

use crate::support::{PODS, Request, World, from_yaml, pod};

const DEPLOYMENTS: GroupResource<'static> = GroupResource {
    group: "apps",
    resource: "deployments",
};
const NODES: GroupResource<'static> = GroupResource {
    group: "",
    resource: "nodes",
};
const ANYTHING: GroupResource<'static> = GroupResource {
    group: "*",
    resource: "*",
};

fn permission(
    verb: &'static str,
    resource: GroupResource<'static>,
    subresource: &'static str,
    (namespace, name): (&'static str, &'static str),
) -> Permission<'static> {
    Permission {
        verb,
        resource,
        subresource,
        namespace,
        name,
    }
}

/// Alice may delete the pod, bob may block the deletion of the deployment and the node, carol of
/// everything.
fn chain() -> Chain {
    let mut world = World::new();
    world.permit("alice", &permission("delete", PODS, "", ("default", "p")));
    let own = ("default", "d");
    world.permit("bob", &permission("update", DEPLOYMENTS, "finalizers", own));
    world.permit(
        "bob",
        &permission("update", NODES, "finalizers", ("", "n1")),
    );
    world.permit(
        "carol",
        &permission("update", ANYTHING, "finalizers", ("", "*")),
    );
    world.chain(&["OwnerReferencesPermissionEnforcement"])
}

fn owned(owners: &str) -> Pod {
    let mut pod = pod("p", "{}");
    pod.metadata.owner_references = Some(from_yaml(&format!("[{owners}]")));
    pod
}

const PLAIN: &str = "{apiVersion: apps/v1, kind: Deployment, name: d, uid: u}";
const BLOCKING: &str =
    "{apiVersion: apps/v1, kind: Deployment, name: d, uid: u, blockOwnerDeletion: true}";
const NODE: &str = "{apiVersion: v1, kind: Node, name: n1, uid: n1, blockOwnerDeletion: true}";
const ODD: &str = "{apiVersion: x/v1, kind: Odd, name: o, uid: o, blockOwnerDeletion: true}";
const NO_DELETE: &str = "cannot set an ownerRef on a resource you can't delete: , <nil>";
const NO_FINALIZERS: &str = "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: , <nil>";
const UNKNOWN_KIND: &str = "cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion x/v1 Kind Odd: no matches for kind \"Odd\" in version \"x/v1\"";

async fn check(request: Request, wanted: Option<&str>) {
    let answer = request.send(&chain()).await;
    let text = answer.err().map(|denial| denial.status.message);
    let wanted = wanted.map(|why| format!("pods \"p\" is forbidden: {why}"));
    assert_eq!(text, wanted);
}

#[tokio::test]
async fn creating_an_object_with_owners_requires_permission_only_to_block_them() {
    for (user, owners, denied) in [
        ("dave", "", None),
        ("dave", PLAIN, None),
        ("dave", BLOCKING, Some(NO_FINALIZERS)),
        ("alice", BLOCKING, Some(NO_FINALIZERS)),
        ("bob", BLOCKING, None),
        ("bob", NODE, None),
        ("bob", ODD, Some(UNKNOWN_KIND)),
        ("carol", ODD, None),
    ] {
        check(Request::create_pod(owned(owners)).by(user), denied).await;
    }
}

#[tokio::test]
async fn changing_owners_requires_permission_to_delete() {
    for (user, before, after, denied) in [
        ("dave", PLAIN, PLAIN, None),
        ("dave", PLAIN, "", Some(NO_DELETE)),
        ("bob", PLAIN, BLOCKING, Some(NO_DELETE)),
        ("alice", PLAIN, "", None),
        ("alice", BLOCKING, PLAIN, None),
        ("alice", PLAIN, BLOCKING, Some(NO_FINALIZERS)),
        // it blocks already
        ("alice", BLOCKING, &format!("{BLOCKING}, {PLAIN}"), None),
    ] {
        let request = Request::update_pod(owned(before), owned(after)).by(user);
        assert_eq!(request.operation, Operation::Update);
        check(request, denied).await;
    }
    let mut status = Request::update_pod(owned(PLAIN), owned("")).by("dave");
    status.subresource = "status";
    check(status, None).await;
}
