//! `DefaultStorageClass` and `DefaultIngressClass`.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::api::networking::v1::Ingress;
use portcullis_admission::Operation;
use portcullis_api::{GroupKind, GroupResource};

use crate::support::{Request, World, from_yaml};

fn claim(yaml: &str) -> Request {
    let kind = GroupKind {
        group: "",
        kind: "PersistentVolumeClaim",
    };
    let resource = GroupResource {
        group: "",
        resource: "persistentvolumeclaims",
    };
    Request::create(kind, resource, from_yaml::<PersistentVolumeClaim>(yaml))
}

fn ingress(yaml: &str) -> Request {
    let kind = GroupKind {
        group: "networking.k8s.io",
        kind: "Ingress",
    };
    let resource = GroupResource {
        group: "networking.k8s.io",
        resource: "ingresses",
    };
    Request::create(kind, resource, from_yaml::<Ingress>(yaml))
}

fn world(storage: &[&str], ingress: &[&str]) -> World {
    let mut world = World::new();
    let marked = |name: &str, mark: &str, value: &str| {
        format!("{{metadata: {{name: {name}, annotations: {{{mark}: '{value}'}}}}}}")
    };
    for name in storage {
        let mark = "storageclass.kubernetes.io/is-default-class";
        world
            .storage_classes
            .add(from_yaml(&marked(name, mark, "true")));
        let other = format!("not-{name}");
        world
            .storage_classes
            .add(from_yaml(&marked(&other, mark, "false")));
    }
    for name in ingress {
        let mark = "ingressclass.kubernetes.io/is-default-class";
        world
            .ingress_classes
            .add(from_yaml(&marked(name, mark, "true")));
    }
    world
}

#[tokio::test]
async fn claims_without_a_class_get_the_default() {
    let plugin = &["DefaultStorageClass"];
    for (classes, given, wanted) in [
        (vec!["fast"], "{metadata: {name: c}}", Some("fast")),
        (vec![], "{metadata: {name: c}}", None),
        (
            vec!["fast"],
            "{metadata: {name: c}, spec: {storageClassName: slow}}",
            Some("slow"),
        ),
        (
            vec!["fast"],
            "{metadata: {name: c}, spec: {storageClassName: ''}}",
            Some(""),
        ),
        (
            vec!["fast"],
            "{metadata: {name: c, annotations: {volume.beta.kubernetes.io/storage-class: slow}}}",
            None,
        ),
    ] {
        let chain = world(&classes, &[]).chain(plugin);
        let answer = claim(given).send(&chain).await.unwrap();
        let claim = answer.object::<PersistentVolumeClaim>();
        let class = claim.spec.and_then(|s| s.storage_class_name);
        assert_eq!(class.as_deref(), wanted, "{given}");
    }
    let chain = world(&["a", "b"], &[]).chain(plugin);
    let denied = claim("{metadata: {name: c}}").denied(&chain).await;
    let text = r#"persistentvolumeclaims "c" is forbidden: Internal error occurred: 2 default StorageClasses were found"#;
    assert_eq!(denied, (text.to_owned(), 403));
}

#[tokio::test]
async fn ingresses_without_a_class_get_the_default() {
    let plugin = &["DefaultIngressClass"];
    for (given, wanted) in [
        ("{metadata: {name: i}}", Some("nginx")),
        (
            "{metadata: {name: i}, spec: {ingressClassName: own}}",
            Some("own"),
        ),
        (
            "{metadata: {name: i, annotations: {kubernetes.io/ingress.class: own}}}",
            None,
        ),
    ] {
        let chain = world(&[], &["nginx"]).chain(plugin);
        let answer = ingress(given).send(&chain).await.unwrap();
        let class = answer
            .object::<Ingress>()
            .spec
            .and_then(|s| s.ingress_class_name);
        assert_eq!(class.as_deref(), wanted, "{given}");
    }
    let chain = world(&[], &["a", "b"]).chain(plugin);
    let (text, _) = ingress("{metadata: {name: i}}").denied(&chain).await;
    assert_eq!(
        text,
        r#"ingresses.networking.k8s.io "i" is forbidden: Internal error occurred: 2 default IngressClasses were found, only 1 allowed"#
    );
}

#[tokio::test]
async fn a_claim_is_resized_only_if_its_class_allows_expansion() {
    let mut world = World::new();
    for (name, grows) in [("grows", "true"), ("fixed", "false")] {
        world.storage_classes.add(from_yaml(&format!(
            "{{metadata: {{name: {name}}}, provisioner: p, allowVolumeExpansion: {grows}}}"
        )));
    }
    let chain = world.chain(&["PersistentVolumeClaimResize"]);
    let claim = |class: &str, size: &str, phase: &str| -> PersistentVolumeClaim {
        from_yaml(&format!(
            "{{metadata: {{name: c}}, spec: {{storageClassName: {class}, resources: {{requests: {{storage: {size}}}}}}}, status: {{phase: {phase}}}}}"
        ))
    };
    let denied = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize";
    for (class, before, after, phase, why) in [
        ("grows", "1Gi", "2Gi", "Bound", ""),
        (
            "grows",
            "1Gi",
            "2Gi",
            "Pending",
            "Only bound persistent volume claims can be expanded",
        ),
        ("fixed", "1Gi", "2Gi", "Bound", denied),
        ("unknown", "1Gi", "2Gi", "Bound", denied),
        ("fixed", "2Gi", "1024Mi", "Pending", ""),
    ] {
        let kind = GroupKind {
            group: "",
            kind: "PersistentVolumeClaim",
        };
        let resource = GroupResource {
            group: "",
            resource: "persistentvolumeclaims",
        };
        let mut request = Request::create(kind, resource, claim(class, after, phase));
        request.operation = Operation::Update;
        request.old = Some(Box::new(claim(class, before, phase)));
        match request.send(&chain).await {
            Ok(_) => assert_eq!(why, "", "{class} {before} {after} {phase}"),
            Err(denial) => assert_eq!(
                denial.status.message,
                format!("persistentvolumeclaims \"c\" is forbidden: {why}")
            ),
        }
    }
}
