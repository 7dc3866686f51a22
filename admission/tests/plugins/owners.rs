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

/// Alice may delete the pod, bob may hold up the deployment and the node, carol everything.
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
const DELETES: &str = "cannot set an ownerRef on a resource you can't delete: , <nil>";
const HOLDS_UP: &str = "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: , <nil>";
const NO_SUCH: &str = "cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion x/v1 Kind Odd: no matches for kind \"Odd\" in version \"x/v1\"";

async fn check(request: Request, wanted: Option<&str>) {
    let answer = request.send(&chain()).await;
    let text = answer.err().map(|refusal| refusal.status.message);
    let wanted = wanted.map(|why| format!("pods \"p\" is forbidden: {why}"));
    assert_eq!(text, wanted);
}

#[tokio::test]
async fn whoever_makes_an_object_gives_it_owners_that_need_not_wait() {
    for (user, owners, refused) in [
        ("dave", "", None),
        ("dave", PLAIN, None),
        ("dave", BLOCKING, Some(HOLDS_UP)),
        ("alice", BLOCKING, Some(HOLDS_UP)),
        ("bob", BLOCKING, None),
        ("bob", NODE, None),
        ("bob", ODD, Some(NO_SUCH)),
        ("carol", ODD, None),
    ] {
        check(Request::create_pod(owned(owners)).by(user), refused).await;
    }
}

#[tokio::test]
async fn whoever_changes_owners_may_delete_the_object() {
    for (user, before, after, refused) in [
        ("dave", PLAIN, PLAIN, None),
        ("dave", PLAIN, "", Some(DELETES)),
        ("bob", PLAIN, BLOCKING, Some(DELETES)),
        ("alice", PLAIN, "", None),
        ("alice", BLOCKING, PLAIN, None),
        ("alice", PLAIN, BLOCKING, Some(HOLDS_UP)),
        // it waits already
        ("alice", BLOCKING, &format!("{BLOCKING}, {PLAIN}"), None),
    ] {
        let request = Request::update_pod(owned(before), owned(after)).by(user);
        assert_eq!(request.operation, Operation::Update);
        check(request, refused).await;
    }
    let mut status = Request::update_pod(owned(PLAIN), owned("")).by("dave");
    status.subresource = "status";
    check(status, None).await;
}
