//! The policies, pods and expected messages of the book, at plugin level.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Pod, SecurityContext};
use portcullis_admission::Chain;
use portcullis_admission::podsecuritypolicy::PodSecurityPolicyIndex;
use portcullis_api::psp::PodSecurityPolicy;

use crate::support::{Request, World, from_yaml};

macro_rules! book {
    ($file:literal) => {
        from_yaml(include_str!(concat!("../../../testdata/chapter13/", $file)))
    };
}

/// A chain with both policies of the book, of which alice may use one and bob both.
fn cluster(policy: &PodSecurityPolicy) -> (Chain, Arc<PodSecurityPolicyIndex>) {
    let mut world = World::new();
    for user in ["alice", "bob"] {
        world.grant(user, "policy", "default", "default");
    }
    world.grant("bob", "policy", "privileged", "default");
    world.policies.put(policy);
    let policies = world.policies.clone();
    (world.chain(&["PodSecurityPolicy"]), policies)
}

fn context(pod: &Pod) -> &SecurityContext {
    let container = &pod.spec.as_ref().unwrap().containers[0];
    container.security_context.as_ref().unwrap()
}

fn annotation(pod: &Pod) -> Option<&str> {
    let annotations = pod.metadata.annotations.as_ref();
    annotations
        .and_then(|a| a.get("kubernetes.io/psp"))
        .map(String::as_str)
}

fn forbidden(name: &str, errors: &str) -> (String, u16) {
    let text = format!(
        "pods \"{name}\" is forbidden: unable to validate against any pod security policy: [{errors}]"
    );
    (text, 403)
}

#[tokio::test]
async fn steps_2_and_3_the_first_policy_denies_privileged_pods() {
    let (chain, _) = cluster(&book!("pod-security-policy.yaml"));
    let denied = |pod: Pod| Request::create_pod(pod).denied(&chain);
    assert_eq!(
        denied(book!("pod-privileged.yaml")).await,
        forbidden(
            "pod-privileged",
            "spec.containers[0].securityContext.privileged: Invalid value: true: Privileged containers are not allowed"
        )
    );
    assert_eq!(
        denied(book!("pod-with-host-network.yaml")).await,
        forbidden(
            "pod-with-host-network",
            "spec.securityContext.hostNetwork: Invalid value: true: Host network is not allowed to be used"
        )
    );
    assert_eq!(
        denied(book!("pod-with-host-pid-and-ipc.yaml")).await,
        forbidden(
            "pod-with-host-pid-and-ipc",
            "spec.securityContext.hostPID: Invalid value: true: Host PID is not allowed to be used spec.securityContext.hostIPC: Invalid value: true: Host IPC is not allowed to be used"
        )
    );
    assert_eq!(
        denied(book!("kubia-hostport.yaml")).await,
        forbidden(
            "kubia-hostport",
            "spec.containers[0].hostPort: Invalid value: 9000: Host port 9000 is not allowed to be used. Allowed ports: [10000-11000,13000-14000]"
        )
    );
}

#[tokio::test]
async fn step_4_a_pod_with_defaults_gets_a_read_only_root() {
    let (chain, _) = cluster(&book!("pod-security-policy.yaml"));
    let pod = crate::support::pod("pod-with-defaults", "{}");
    let pod = Request::create_pod(pod).pod(&chain).await;
    assert_eq!(context(&pod).read_only_root_filesystem, Some(true));
    assert_eq!(annotation(&pod), Some("default"));
    let guest = Request::create_pod(book!("pod-as-user-guest.yaml"))
        .pod(&chain)
        .await;
    assert_eq!(context(&guest).run_as_user, Some(405));
}

#[tokio::test]
async fn steps_5_and_6_must_run_as() {
    let (chain, _) = cluster(&book!("psp-must-run-as.yaml"));
    let denied = |pod: Pod| Request::create_pod(pod).denied(&chain);
    assert_eq!(
        denied(book!("pod-as-user-guest.yaml")).await,
        forbidden(
            "pod-as-user-guest",
            "securityContext.runAsUser: Invalid value: 405: UID on container main does not match required range.  Found 405, allowed: [{2 2}]"
        )
    );
    assert_eq!(
        denied(book!("pod-with-shared-volume-fsgroup.yaml")).await,
        forbidden(
            "pod-with-shared-volume-fsgroup",
            "spec.securityContext.fsGroup: Invalid value: []int64{555}: group 555 must be in the ranges: [{2 10} {20 30}] \
             spec.securityContext.supplementalGroups: Invalid value: []int64{666, 777}: group 666 must be in the ranges: [{2 10} {20 30}] \
             spec.securityContext.supplementalGroups: Invalid value: []int64{666, 777}: group 777 must be in the ranges: [{2 10} {20 30}] \
             securityContext.runAsUser: Invalid value: 1111: UID on container first does not match required range.  Found 1111, allowed: [{2 2}] \
             securityContext.runAsUser: Invalid value: 2222: UID on container second does not match required range.  Found 2222, allowed: [{2 2}]"
        )
    );
    let pod = crate::support::pod("run-as-5", "{}");
    let pod = Request::create_pod(pod).pod(&chain).await;
    assert_eq!(context(&pod).run_as_user, Some(2));
    let of_pod = pod
        .spec
        .as_ref()
        .unwrap()
        .security_context
        .as_ref()
        .unwrap();
    assert_eq!(of_pod.fs_group, Some(2));
    assert_eq!(of_pod.supplemental_groups, Some(vec![2]));
}

#[tokio::test]
async fn steps_7_and_8_capabilities() {
    let (chain, _) = cluster(&book!("psp-capabilities.yaml"));
    let sysadmin = Request::create_pod(book!("pod-add-sysadmin-capability.yaml"));
    assert_eq!(
        sysadmin.denied(&chain).await,
        forbidden(
            "pod-add-sysadmin-capability",
            r#"capabilities.add: Invalid value: "SYS_ADMIN": capability may not be added"#
        )
    );
    let settime = Request::create_pod(book!("pod-add-settime-capability.yaml"));
    let pod = settime.pod(&chain).await;
    let capabilities = context(&pod).capabilities.clone().unwrap();
    assert_eq!(capabilities.add.unwrap(), ["CHOWN", "SYS_TIME"]);
    assert_eq!(capabilities.drop.unwrap(), ["SYS_ADMIN", "SYS_MODULE"]);
}

#[tokio::test]
async fn step_9_volumes() {
    let (chain, _) = cluster(&book!("psp-volumes.yaml"));
    let pod: Pod = book!("pod-with-hostpath-volume.yaml");
    let (text, _) = Request::create_pod(pod).denied(&chain).await;
    let error = r#"[spec.volumes[0]: Invalid value: "hostPath": hostPath volumes are not allowed to be used]"#;
    assert!(text.ends_with(error), "{text}");
    for pod in [
        book!("pod-with-allowed-volumes.yaml"),
        book!("pod-with-shared-volume-fsgroup.yaml"),
    ] {
        Request::create_pod(pod).pod(&chain).await;
    }
}

#[tokio::test]
async fn step_10_a_changed_policy_is_enforced_at_the_next_creation() {
    let (chain, policies) = cluster(&book!("pod-security-policy.yaml"));
    let guest = || Request::create_pod(book!("pod-as-user-guest.yaml"));
    guest().pod(&chain).await;
    policies.put(&book!("psp-must-run-as.yaml"));
    guest().denied(&chain).await;
}

#[tokio::test]
async fn steps_16_and_17_alice_and_bob() {
    let (chain, policies) = cluster(&book!("pod-security-policy.yaml"));
    policies.put(&book!("psp-privileged.yaml"));
    assert_eq!(policies.names(), ["default", "privileged"]);
    let privileged = || Request::create_pod(book!("pod-privileged.yaml"));
    assert_eq!(
        privileged().denied(&chain).await,
        forbidden(
            "pod-privileged",
            "spec.containers[0].securityContext.privileged: Invalid value: true: Privileged containers are not allowed"
        )
    );
    let pod = privileged().by("bob").pod(&chain).await;
    assert_eq!(annotation(&pod), Some("privileged"));
    assert_eq!(
        privileged().by("mallory").denied(&chain).await,
        forbidden("pod-privileged", "")
    );
}

#[tokio::test]
async fn without_policies_all_pods_are_denied() {
    let chain = World::new().chain(&["PodSecurityPolicy"]);
    let (text, code) = Request::create_pod(book!("pod-privileged.yaml"))
        .denied(&chain)
        .await;
    assert_eq!(code, 403);
    assert_eq!(
        text,
        r#"pods "pod-privileged" is forbidden: no providers available to validate pod request"#
    );
}
