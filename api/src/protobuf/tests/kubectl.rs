//! Bodies that kubectl 1.32 sends.

use super::*;

fn sent(hex: &str) -> Value {
    let body: Vec<u8> = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect();
    read(&body).unwrap()
}

#[test]
fn create_namespace() {
    let hex = "6b3873000a0f0a02763112094e616d657370616365121c0a140a0464656d6f12001a0022002a0032003800\
        420012001a020a001a002200";
    let expected = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo"}});
    assert_eq!(sent(hex), expected);
}

#[test]
fn create_secret_generic() {
    let hex = "6b3873000a0c0a027631120653656372657412230a110a017312001a0022002a00320038004200120c0a01\
        70120768756e746572321a001a002200";
    assert_eq!(
        sent(hex),
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
            "data": {"p": "aHVudGVyMg=="}})
    );
}

#[test]
fn create_rolebinding() {
    let hex = "6b3873000a2b0a1c726261632e617574686f72697a6174696f6e2e6b38732e696f2f7631120b526f6c6542\
        696e64696e6712740a160a02726212001a0464656d6f22002a00320038004200122a0a04557365721219726261632e\
        617574686f72697a6174696f6e2e6b38732e696f1a05616c69636522001a2e0a19726261632e617574686f72697a61\
        74696f6e2e6b38732e696f120b436c7573746572526f6c651a04766965771a002200";
    let group = "rbac.authorization.k8s.io";
    assert_eq!(
        sent(hex),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": "rb", "namespace": "demo"},
            "subjects": [{"kind": "User", "apiGroup": group, "name": "alice"}],
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "view"}})
    );
}

#[test]
fn auth_can_i() {
    let hex = "6b3873000a320a17617574686f72697a6174696f6e2e6b38732e696f2f7631121753656c665375626a6563\
        7441636365737352657669657712390a100a0012001a0022002a00320038004200121b0a190a0464656d6f12036765\
        741a0022002a04706f647332003a001a08080012001a0020001a002200";
    assert_eq!(
        sent(hex),
        json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {"namespace": "demo", "verb": "get", "resource": "pods"}}})
    );
}

#[test]
fn create_deployment_with_no_replicas() {
    let hex = "6b3873000a150a07617070732f7631120a4465706c6f796d656e74129b010a1b0a016412001a0022002a00\
        3200380042005a080a03617070120164126e0800120a0a080a036170701201641a560a1a0a0012001a0022002a0032\
        00380042005a080a036170701201641238121a0a01691201692a0042006a007200800100880100900100a201001a00\
        320042004a0052005800600068008201008a01009a0100c2010022020a00280038001a0c0800100018002000280038\
        001a002200";
    let labels = json!({"app": "d"});
    assert_eq!(
        sent(hex),
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "d", "labels": labels},
            "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "i", "image": "i"}]}}}})
    );
}
