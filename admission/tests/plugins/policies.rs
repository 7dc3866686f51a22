//! The policy that accepts a pod, the users who may use it, and the validation of updates.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use portcullis_admission::podsecuritypolicy::{POLICY_ANNOTATION, PodSecurityPolicyIndex};
use portcullis_api::psp::PodSecurityPolicy;

use crate::support::{Request, World, from_yaml, pod};

const PLUGIN: &[&str] = &["PodSecurityPolicy"];
const ANY: &str = "fsGroup: {rule: RunAsAny}, supplementalGroups: {rule: RunAsAny}, \
                   runAsUser: {rule: RunAsAny}, seLinux: {rule: RunAsAny}, volumes: ['*']";
const DENIED: &str = "pods \"p\" is forbidden: unable to validate against any pod security policy:";
const NOT_PRIVILEGED: &str = "spec.containers[0].securityContext.privileged: Invalid value: true: Privileged containers are not allowed";

/// A policy that allows everything except privileged containers, extended by `spec`.
fn policy(name: &str, spec: &str) -> PodSecurityPolicy {
    let separator = if spec.is_empty() { "" } else { ", " };
    from_yaml(&format!(
        "metadata: {{name: {name}}}\nspec: {{{ANY}{separator}{spec}}}"
    ))
}

/// A cluster with these policies, all of which alice may use.
fn cluster(policies: &[(&str, &str)]) -> World {
    let mut world = World::new();
    for (name, spec) in policies {
        world.policies.put(&policy(name, spec));
        world.grant("alice", "policy", name, "default");
    }
    world
}

fn privileged() -> Pod {
    pod(
        "p",
        "{containers: [{name: main, securityContext: {privileged: true}}]}",
    )
}

fn chosen(pod: &Pod) -> &str {
    let annotations = pod.metadata.annotations.as_ref();
    annotations
        .and_then(|a| a.get(POLICY_ANNOTATION))
        .map_or("", String::as_str)
}

/// The pod as stored by an earlier request that `policy` accepted.
fn stored(mut pod: Pod, policy: &str) -> Pod {
    let annotations = pod.metadata.annotations.get_or_insert_default();
    annotations.insert(POLICY_ANNOTATION.to_owned(), policy.to_owned());
    pod
}

#[tokio::test]
async fn the_first_policy_by_name_that_accepts_without_defaults_is_chosen() {
    let world = cluster(&[("a", "readOnlyRootFilesystem: true"), ("c", ""), ("b", "")]);
    let chain = world.chain(PLUGIN);
    let pod = Request::create_pod(pod("p", "{}")).pod(&chain).await;
    assert_eq!(chosen(&pod), "b");
    let container = &pod.spec.as_ref().unwrap().containers[0];
    assert_eq!(container.security_context, None);
}

/// Every policy annotates the profile of the field, so none accepts such a pod without defaults.
#[tokio::test]
async fn a_seccomp_profile_in_the_field_is_annotated_by_every_policy() {
    let mut world = World::new();
    for (name, spec) in [("a", "readOnlyRootFilesystem: true"), ("b", "")] {
        let mut policy = policy(name, spec);
        let key = "seccomp.security.alpha.kubernetes.io/allowedProfileNames";
        let any = (key.to_owned(), "*".to_owned());
        policy.metadata.annotations = Some([any].into());
        world.policies.put(&policy);
        world.grant("alice", "policy", name, "default");
    }
    let chain = world.chain(PLUGIN);
    let spec = "{securityContext: {seccompProfile: {type: RuntimeDefault}}}";
    let created = Request::create_pod(pod("p", spec)).pod(&chain).await;
    assert_eq!(chosen(&created), "a");
    let key = "seccomp.security.alpha.kubernetes.io/pod";
    let annotations = created.metadata.annotations.as_ref().unwrap();
    assert_eq!(annotations[key], "runtime/default");
    let mut noted = pod("p", spec);
    let profile = (key.to_owned(), "runtime/default".to_owned());
    noted.metadata.annotations = Some([profile].into());
    let created = Request::create_pod(noted).pod(&chain).await;
    assert_eq!(chosen(&created), "b");
}

#[tokio::test]
async fn otherwise_the_first_policy_by_name_that_accepts_with_defaults_is_chosen() {
    let world = cluster(&[
        ("a", "privileged: true, readOnlyRootFilesystem: true"),
        ("b", "defaultAllowPrivilegeEscalation: false"),
    ]);
    let chain = world.chain(PLUGIN);
    let answer = Request::create_pod(pod("p", "{}"))
        .send(&chain)
        .await
        .unwrap();
    let pod = answer.object::<Pod>();
    assert_eq!(chosen(&pod), "a");
    let container = &pod.spec.as_ref().unwrap().containers[0];
    let context = container.security_context.as_ref().unwrap();
    assert_eq!(context.read_only_root_filesystem, Some(true));
    assert_eq!(context.allow_privilege_escalation, None);
    for key in ["admit-policy", "validate-policy"] {
        let key = format!("podsecuritypolicy.policy.k8s.io/{key}");
        assert_eq!(answer.audit.get(&key).map(String::as_str), Some("a"));
    }
}

#[tokio::test]
async fn errors_of_all_usable_policies_and_no_others_are_reported() {
    let mut world = cluster(&[("a", ""), ("b", "hostIPC: true")]);
    world.policies.put(&policy("hidden", ""));
    world.grant("bob", "policy", "hidden", "other");
    let chain = world.chain(PLUGIN);
    let (text, code) = Request::create_pod(privileged()).denied(&chain).await;
    assert_eq!(
        text,
        format!("{DENIED} [{NOT_PRIVILEGED} {NOT_PRIVILEGED}]")
    );
    assert_eq!(code, 403);
    let (text, _) = Request::create_pod(privileged())
        .by("bob")
        .denied(&chain)
        .await;
    assert_eq!(text, format!("{DENIED} []"));
}

#[tokio::test]
async fn a_permission_for_the_empty_name_grants_no_policy() {
    let mut world = cluster(&[("a", "")]);
    world.grant("bob", "policy", "", "default");
    let by = |name| Request::create_pod(pod("p", "{}")).by(name);
    let chain = world.chain(PLUGIN);
    assert_eq!(chosen(&by("alice").pod(&chain).await), "a");
    let (text, _) = by("bob").denied(&chain).await;
    assert_eq!(text, format!("{DENIED} []"));
}

#[tokio::test]
async fn a_denial_names_the_pod() {
    let chain = cluster(&[("a", "")]).chain(PLUGIN);
    let denial = Request::create_pod(privileged())
        .send(&chain)
        .await
        .unwrap_err();
    assert_eq!(denial.plugin, "PodSecurityPolicy");
    let details = denial.status.details.unwrap();
    assert_eq!(
        (details.name.as_str(), details.kind.as_str()),
        ("p", "pods")
    );
}

#[tokio::test]
async fn use_is_granted_in_either_group_but_only_in_the_pods_namespace() {
    let mut world = World::new();
    world.policies.put(&policy("a", ""));
    world.grant("old", "extensions", "a", "default");
    world.grant("elsewhere", "policy", "a", "other");
    world.grant("wrong", "apps", "a", "default");
    let chain = world.chain(PLUGIN);
    let create = |who| Request::create_pod(pod("p", "{}")).by(who);
    create("old").pod(&chain).await;
    for who in ["elsewhere", "wrong"] {
        assert_eq!(create(who).denied(&chain).await.0, format!("{DENIED} []"));
    }
    create("elsewhere").in_namespace("other").pod(&chain).await;
}

#[tokio::test]
async fn the_service_accounts_policies_count_too() {
    let mut world = cluster(&[("default", "")]);
    world
        .policies
        .put(&policy("privileged", "privileged: true"));
    world.grant(
        "system:serviceaccount:default:sa1",
        "policy",
        "privileged",
        "default",
    );
    let chain = world.chain(PLUGIN);
    let mut with_account = privileged();
    let spec = with_account.spec.as_mut().unwrap();
    spec.service_account_name = Some("sa1".to_owned());
    let pod = Request::create_pod(with_account.clone()).pod(&chain).await;
    assert_eq!(chosen(&pod), "privileged");

    let mut labelled = pod.clone();
    labelled.metadata.labels = Some([("a".to_owned(), "b".to_owned())].into());
    Request::update_pod(pod, labelled).pod(&chain).await;

    let other = Request::create_pod(with_account).in_namespace("other");
    assert_eq!(other.denied(&chain).await.0, format!("{DENIED} []"));
    let mut nameless = privileged();
    nameless.spec.as_mut().unwrap().service_account_name = Some(String::new());
    Request::create_pod(nameless).denied(&chain).await;
}

#[tokio::test]
async fn updates_are_validated_but_get_no_defaults() {
    let mut world = cluster(&[("default", "readOnlyRootFilesystem: true")]);
    world
        .policies
        .put(&policy("privileged", "privileged: true"));
    for name in ["default", "privileged"] {
        world.grant("bob", "policy", name, "default");
    }
    let chain = world.chain(PLUGIN);
    let old = stored(privileged(), "privileged");
    let mut new = old.clone();
    new.metadata.labels = Some([("a".to_owned(), "b".to_owned())].into());
    let update = || Request::update_pod(old.clone(), new.clone());

    let answer = update().by("bob").send(&chain).await.unwrap();
    assert_eq!(answer.object::<Pod>(), new);
    let audit = "podsecuritypolicy.policy.k8s.io/validate-policy";
    assert_eq!(
        answer.audit.get(audit).map(String::as_str),
        Some("privileged")
    );
    assert_eq!(answer.audit.len(), 1);

    let (text, code) = update().denied(&chain).await;
    let read_only = "spec.containers[0].securityContext.readOnlyRootFilesystem";
    assert!(
        !text.contains(read_only),
        "on creation it would get a default: {text}"
    );
    assert_eq!(text, format!("{DENIED} [{NOT_PRIVILEGED}]"));
    assert_eq!(code, 403);
}

#[tokio::test]
async fn a_policy_that_needs_defaults_does_not_accept_updates() {
    let chain = cluster(&[("a", "readOnlyRootFilesystem: true")]).chain(PLUGIN);
    let old = stored(pod("p", "{}"), "a");
    let mut new = old.clone();
    new.metadata.labels = Some([("a".to_owned(), "b".to_owned())].into());
    let (text, _) = Request::update_pod(old, new).denied(&chain).await;
    assert_eq!(text, format!("{DENIED} []"));
}

#[tokio::test]
async fn the_annotated_policy_is_tried_first() {
    let chain = cluster(&[("a", ""), ("b", ""), ("c", "")]).chain(PLUGIN);
    let audit = "podsecuritypolicy.policy.k8s.io/validate-policy";
    for (hint, tried) in [("b", "b"), ("", "a"), ("gone", "a")] {
        let old = stored(pod("p", "{}"), hint);
        let mut new = old.clone();
        new.metadata.labels = Some([("a".to_owned(), "b".to_owned())].into());
        let answer = Request::update_pod(old, new).send(&chain).await.unwrap();
        assert_eq!(answer.audit.get(audit).map(String::as_str), Some(tried));
    }
}

#[tokio::test]
async fn garbage_collection_requires_no_policy() {
    let chain = cluster(&[("a", "")]).chain(PLUGIN);
    let old = stored(privileged(), "privileged");
    let mut new = old.clone();
    new.metadata.finalizers = Some(vec!["a/b".to_owned()]);
    new.metadata.owner_references = Some(vec![OwnerReference::default()]);
    new.metadata.managed_fields = Some(Vec::new());
    Request::update_pod(old.clone(), new.clone())
        .pod(&chain)
        .await;
    Request::update_pod(old.clone(), old.clone())
        .pod(&chain)
        .await;
    new.metadata.annotations = None;
    Request::update_pod(old, new).denied(&chain).await;
}

#[tokio::test]
async fn subresources_and_other_kinds_are_not_checked() {
    let chain = cluster(&[("a", "")]).chain(PLUGIN);
    for subresource in ["status", "binding", "eviction", "resize"] {
        let mut request = Request::update_pod(pod("p", "{}"), privileged());
        request.subresource = subresource;
        request.pod(&chain).await;
    }
}

/// A user of a restricted policy cannot add a privileged container to a running pod.
#[tokio::test]
async fn added_ephemeral_containers_are_validated() {
    let debug = |context: &str| {
        let container = format!("{{name: debug, image: b, securityContext: {context}}}");
        let spec =
            format!("{{containers: [{{name: c, image: a}}], ephemeralContainers: [{container}]}}");
        stored(pod("p", &spec), "a")
    };
    let before = || stored(pod("p", "{containers: [{name: c, image: a}]}"), "a");
    let adding = |context: &str| {
        let mut request = Request::update_pod(before(), debug(context));
        request.subresource = "ephemeralcontainers";
        request
    };
    let chain = cluster(&[("a", "")]).chain(PLUGIN);
    let (text, code) = adding("{privileged: true}").denied(&chain).await;
    assert_eq!(code, 403);
    assert!(
        text.contains("spec.ephemeralContainers[0].securityContext.privileged"),
        "{text}"
    );
    assert_eq!(adding("{}").pod(&chain).await, debug("{}"));
    // a plugin that runs later may have made it privileged
    let (text, code) = adding("{privileged: true}").denied_at_last(&chain).await;
    assert_eq!(code, 403);
    assert!(text.contains("privileged"), "{text}");

    // defaults are set in the added container and nowhere else
    let rules = "readOnlyRootFilesystem: true";
    let chain = cluster(&[("a", rules)]).chain(PLUGIN);
    let (_, code) = adding("{}").denied(&chain).await;
    assert_eq!(code, 403, "the pod's other containers would change");
    let safe = "{name: c, image: a, securityContext: {readOnlyRootFilesystem: true}}";
    let with = |ephemeral: &str| {
        let spec = format!("{{containers: [{safe}], ephemeralContainers: [{ephemeral}]}}");
        stored(pod("p", &spec), "a")
    };
    let mut request = Request::update_pod(with(""), with("{name: debug, image: b}"));
    request.subresource = "ephemeralcontainers";
    let filled = "{name: debug, image: b, securityContext: {readOnlyRootFilesystem: true}}";
    assert_eq!(request.pod(&chain).await, with(filled));
}

#[tokio::test]
async fn an_object_of_another_type_is_denied() {
    let chain = cluster(&[("a", "")]).chain(PLUGIN);
    let mut request = Request::create_pod(pod("p", "{}"));
    request.object = Some(Box::new(policy("not-a-pod", "")));
    let (text, code) = request.denied(&chain).await;
    assert_eq!(text, r#"pods "p" is forbidden: unexpected type Pod"#);
    assert_eq!(code, 403);
}

#[test]
fn the_index_has_valid_policies_by_name() {
    let index = PodSecurityPolicyIndex::default();
    for name in ["b", "a", "c"] {
        index.put(&policy(name, ""));
    }
    assert_eq!(index.names(), ["a", "b", "c"]);
    index.delete("b");
    index.delete("never-there");
    assert_eq!(index.names(), ["a", "c"]);

    let mut broken = policy("a", "");
    for rule in ["", "Nonsense", "MustRunAs"] {
        broken.spec.as_mut().unwrap().run_as_user.rule = rule.to_owned();
        index.put(&broken);
        assert_eq!(index.names(), ["c"], "{rule}");
    }
    index.put(&policy("a", ""));
    assert_eq!(index.names(), ["a", "c"]);
    index.replace(&[policy("x2", ""), policy("x1", "")]);
    assert_eq!(index.names(), ["x1", "x2"]);
}

#[tokio::test]
async fn invalid_policies_are_ignored() {
    let world = World::new();
    for broken in [
        "fsGroup: {rule: MustRunAs}",
        "supplementalGroups: {rule: MayRunAs, ranges: []}",
        "runAsGroup: {rule: RunAsNobody}",
        "seLinux: {rule: MustRunAs}",
    ] {
        let mut policy: PodSecurityPolicy = from_yaml(&format!("spec: {{{broken}}}"));
        policy.metadata.name = Some(broken.to_owned());
        world.policies.put(&policy);
    }
    let chain = world.chain(PLUGIN);
    let (text, _) = Request::create_pod(pod("p", "{}")).denied(&chain).await;
    assert_eq!(
        text,
        r#"pods "p" is forbidden: no providers available to validate pod request"#
    );
}
