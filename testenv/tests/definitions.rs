//! Environments that start with kinds of their own.

use kube::api::{Api, DynamicObject, GroupVersionKind, ListParams, PostParams};
use kube::core::discovery::ApiResource;
use portcullis_testenv::TestEnv;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/definitions");

#[tokio::test]
async fn definitions_are_established_when_an_environment_has_started() {
    let env = TestEnv::builder()
        .definitions(FOLDER)
        .start()
        .await
        .unwrap();
    let client = env.client().await.unwrap();
    for kind in ["Widget", "Gadget"] {
        let kind = GroupVersionKind::gvk("example.com", "v1", kind);
        let resource = ApiResource::from_gvk(&kind);
        let objects: Api<DynamicObject> = Api::default_namespaced_with(client.clone(), &resource);
        let mut object = DynamicObject::new("one", &resource);
        object.data = serde_json::json!({ "spec": { "size": 3 } });
        objects
            .create(&PostParams::default(), &object)
            .await
            .unwrap();
        object.metadata.name = Some("two".to_owned());
        object.data = serde_json::json!({ "spec": { "size": "large" } });
        let refused = objects.create(&PostParams::default(), &object).await;
        assert!(refused.unwrap_err().to_string().contains("spec.size"));
        assert_eq!(
            objects
                .list(&ListParams::default())
                .await
                .unwrap()
                .items
                .len(),
            1
        );
    }
}

#[tokio::test]
async fn a_definition_that_cannot_be_applied_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.yaml");
    for (text, why) in [
        ("kind: [", "bad.yaml"),
        (
            "kind: CustomResourceDefinition\napiVersion: apiextensions.k8s.io/v1\nmetadata: {name: x}\n",
            "spec",
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        let started = TestEnv::builder().definitions(folder.path()).start().await;
        let Err(error) = started else {
            panic!("{text} is accepted")
        };
        let error = error.to_string();
        assert!(error.contains("bad.yaml") && error.contains(why), "{error}");
    }
    let missing = folder.path().join("nowhere.yaml");
    let Err(error) = TestEnv::builder().definitions(&missing).start().await else {
        panic!("a file that does not exist is accepted");
    };
    assert!(error.to_string().contains("nowhere.yaml"), "{error}");
}
