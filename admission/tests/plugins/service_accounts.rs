//! `ServiceAccount`.

use k8s_openapi::api::core::v1::Pod;
use portcullis_admission::{Chain, Operation};

use crate::support::{Request, World, from_yaml, pod};

fn chain() -> Chain {
    chain_of(&["ServiceAccount"])
}

fn chain_of(plugins: &[&str]) -> Chain {
    let mut world = World::new();
    let accounts = &mut world.service_accounts;
    for account in [
        "{metadata: {namespace: default, name: pulls}, imagePullSecrets: [{name: s1}, {name: s2}]}",
        "{metadata: {namespace: default, name: no-token}, automountServiceAccountToken: false}",
        "{metadata: {namespace: default, name: strict, annotations: {kubernetes.io/enforce-mountable-secrets: 'true'}}, secrets: [{name: mine}], imagePullSecrets: [{name: pull}]}",
    ] {
        accounts.add(from_yaml(account));
    }
    accounts.add_to_store(from_yaml("{metadata: {namespace: default, name: late}}"));
    world.chain(plugins)
}

async fn created(spec: &str) -> Pod {
    Request::create_pod(pod("a", spec)).pod(&chain()).await
}

#[tokio::test]
async fn a_pod_gets_the_default_account_and_its_token() {
    let mounts = "volumeMounts: [{name: kube-api-access-x7k2p, readOnly: true, mountPath: /var/run/secrets/kubernetes.io/serviceaccount}]";
    let wanted = format!(
        "
  serviceAccountName: default
  serviceAccount: default
  initContainers:
  - {{name: init, {mounts}}}
  containers:
  - {{name: main, {mounts}}}
  volumes:
  - name: kube-api-access-x7k2p
    projected:
      defaultMode: 420
      sources:
      - serviceAccountToken: {{path: token, expirationSeconds: 3607}}
      - configMap: {{name: kube-root-ca.crt, items: [{{key: ca.crt, path: ca.crt}}]}}
      - downwardAPI:
          items:
          - {{path: namespace, fieldRef: {{apiVersion: v1, fieldPath: metadata.namespace}}}}"
    );
    let given = "{initContainers: [{name: init}], containers: [{name: main}]}";
    assert_eq!(created(given).await, pod("a", &wanted));
}

#[tokio::test]
async fn existing_mounts_and_volumes_are_kept() {
    let own = "{name: main, volumeMounts: [{name: v, mountPath: /var/run/secrets/kubernetes.io/serviceaccount}]}";
    let spec = created(&format!("{{containers: [{own}]}}"))
        .await
        .spec
        .unwrap();
    assert_eq!(spec.volumes, None);
    assert_eq!(spec.containers, from_yaml::<Vec<_>>(&format!("[{own}]")));

    let own = "[{name: kube-api-access-mine, emptyDir: {}}]";
    let spec = created(&format!("{{volumes: {own}}}")).await.spec.unwrap();
    assert_eq!(spec.volumes.unwrap().len(), 1);
    let mounts = spec.containers[0].volume_mounts.as_ref().unwrap();
    assert_eq!(mounts[0].name, "kube-api-access-mine");
}

#[tokio::test]
async fn pod_and_account_can_disable_the_token() {
    for (spec, mounted) in [
        ("{}", true),
        ("{automountServiceAccountToken: false}", false),
        ("{serviceAccountName: no-token}", false),
        (
            "{serviceAccountName: no-token, automountServiceAccountToken: true}",
            true,
        ),
        ("{serviceAccountName: late}", true),
    ] {
        let pod = created(spec).await;
        assert_eq!(pod.spec.unwrap().volumes.is_some(), mounted, "{spec}");
    }
}

#[tokio::test]
async fn pull_secrets_come_from_the_account() {
    let spec = created("{serviceAccountName: pulls}").await.spec.unwrap();
    let inherited = spec.image_pull_secrets.unwrap();
    assert_eq!(inherited, from_yaml::<Vec<_>>("[{name: s1}, {name: s2}]"));
    let spec = created("{serviceAccountName: pulls, imagePullSecrets: [{name: own}]}").await;
    let own = spec.spec.unwrap().image_pull_secrets.unwrap();
    assert_eq!(own, from_yaml::<Vec<_>>("[{name: own}]"));
}

#[tokio::test(start_paused = true)]
async fn a_missing_account_is_denied() {
    for (spec, name) in [("{serviceAccountName: foo}", "foo")] {
        let denied = Request::create_pod(pod("a", spec)).denied(&chain()).await;
        let text = format!(
            "pods \"a\" is forbidden: error looking up service account default/{name}: serviceaccount \"{name}\" not found"
        );
        assert_eq!(denied, (text, 403));
    }
    let elsewhere = Request::create_pod(pod("a", "{}")).in_namespace("other");
    let (text, _) = elsewhere.denied(&chain()).await;
    assert_eq!(
        text,
        r#"pods "a" is forbidden: error looking up service account other/default: serviceaccount "default" not found"#
    );
}

#[tokio::test]
async fn a_strict_account_allows_only_its_own_secrets() {
    let chain = chain();
    let strict = |rest: &str| {
        let spec = format!("{{serviceAccountName: strict, {rest}}}");
        Request::create_pod(pod("a", &spec))
    };
    let variable = |secret: &str| {
        format!("env: [{{name: E, valueFrom: {{secretKeyRef: {{name: {secret}, key: k}}}}}}]")
    };
    strict("volumes: [{name: v, secret: {secretName: mine}}]")
        .pod(&chain)
        .await;
    strict(&format!("containers: [{{name: c, {}}}]", variable("mine")))
        .pod(&chain)
        .await;
    let tail = "is not allowed because service account strict does not reference that";
    for (rest, why) in [
        (
            "volumes: [{name: v, secret: {secretName: x}}]".to_owned(),
            format!("volume with secret.secretName=\"x\" {tail} secret"),
        ),
        (
            format!("containers: [{{name: c, {}}}]", variable("x")),
            format!("container c with envVar E referencing secret.secretName=\"x\" {tail} secret"),
        ),
        (
            format!("initContainers: [{{name: c, {}}}]", variable("x")),
            format!(
                "init container c with envVar E referencing secret.secretName=\"x\" {tail} secret"
            ),
        ),
        (
            "containers: [{name: c, envFrom: [{secretRef: {name: x}}]}]".to_owned(),
            format!("container c with envFrom referencing secret.secretName=\"x\" {tail} secret"),
        ),
        (
            "imagePullSecrets: [{name: pull}, {name: x}]".to_owned(),
            format!("imagePullSecrets[1].name=\"x\" {tail} imagePullSecret"),
        ),
    ] {
        let (text, _) = strict(&rest).denied(&chain).await;
        assert_eq!(text, format!("pods \"a\" is forbidden: {why}"));
    }
    let ephemeral = "{serviceAccountName: strict, ephemeralContainers: [{name: c, envFrom: [{secretRef: {name: x}}]}]}";
    let mut request = Request::update_pod(pod("a", "{}"), pod("a", ephemeral));
    request.subresource = "ephemeralcontainers";
    let (text, _) = request.denied(&chain).await;
    assert!(
        text.contains("ephemeral container c with envFrom"),
        "{text}"
    );
    // existing containers were checked when they were added
    let rest = "serviceAccountName: strict, imagePullSecrets: [{name: x}]";
    let before = pod("a", &format!("{{{rest}}}"));
    let after = pod(
        "a",
        &format!("{{{rest}, ephemeralContainers: [{{name: c}}]}}"),
    );
    let mut request = Request::update_pod(before, after);
    request.subresource = "ephemeralcontainers";
    request.pod(&chain).await;
}

#[tokio::test]
async fn a_strict_account_denies_before_later_plugins() {
    let chain = chain_of(&["ServiceAccount", "PodSecurityPolicy"]);
    let spec = "{serviceAccountName: strict, volumes: [{name: v, secret: {secretName: x}}]}";
    let (text, _) = Request::create_pod(pod("a", spec)).denied(&chain).await;
    assert!(text.contains("service account strict"), "{text}");
}

#[tokio::test]
async fn mirror_pods_have_no_account_and_no_secrets() {
    let chain = chain();
    let mirror = |spec: &str| {
        let mut pod = pod("a", spec);
        let mark = ("kubernetes.io/config.mirror".to_owned(), "x".to_owned());
        pod.metadata.annotations = Some([mark].into());
        pod
    };
    let plain = Request::create_pod(mirror("{}")).pod(&chain).await;
    assert_eq!(plain, mirror("{}"));
    for (spec, why) in [
        (
            "{serviceAccountName: default}",
            "a mirror pod may not reference service accounts",
        ),
        (
            "{volumes: [{name: v, secret: {secretName: x}}]}",
            "a mirror pod may not reference secrets",
        ),
        (
            "{imagePullSecrets: [{name: x}]}",
            "a mirror pod may not reference secrets",
        ),
        (
            "{volumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: t}}]}}]}",
            "a mirror pod may not use ServiceAccountToken volume projections",
        ),
    ] {
        let (text, _) = Request::create_pod(mirror(spec)).denied(&chain).await;
        assert_eq!(text, format!("pods \"a\" is forbidden: {why}"));
    }
}

#[tokio::test]
async fn updates_are_ignored() {
    let chain = chain();
    let mut update = Request::update_pod(pod("a", "{}"), pod("a", "{}"));
    update.operation = Operation::Update;
    assert_eq!(update.pod(&chain).await, pod("a", "{}"));
}
