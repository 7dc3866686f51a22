//! Objects in etcd from another server: in protobuf, or invalid.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use portcullis_storage::etcd::{EtcdOptions, EtcdStorage};
use portcullis_storage::etcd_server::EtcdServer;
use portcullis_storage::{ReadAt, Revision, Storage};
use serde_json::json;

use super::{BINDINGS, binding, let_alice};
use crate::controllers::hindered::{allow, deny};
use crate::controllers::{eventually, gone};
use crate::support::log;
use crate::support::server::TestServer;
use crate::verbs::{NO_OTHER_MAPS, watch};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const KEY: &str = "/registry/rolebindings/default/alices";

/// A length-delimited field of protobuf.
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut length = value.len();
    while length >= 128 {
        field.push(u8::try_from(length % 128).unwrap() | 128);
        length /= 128;
    }
    field.push(u8::try_from(length).unwrap());
    field.extend(value);
    field
}

/// The protobuf that kube-apiserver stores for [`binding`].
fn in_protobuf(role: &str) -> Vec<u8> {
    let group = "rbac.authorization.k8s.io";
    let version = format!("{group}/v1");
    let kind = [field(1, version.as_bytes()), field(2, b"RoleBinding")].concat();
    let metadata = [
        field(1, role.as_bytes()),
        field(3, b"default"),
        field(5, b"0000-0000"),
    ];
    let subject = [
        field(1, b"User"),
        field(2, group.as_bytes()),
        field(3, b"alice"),
    ];
    let role_ref = [
        field(1, group.as_bytes()),
        field(2, b"Role"),
        field(3, role.as_bytes()),
    ];
    let object = [
        field(1, &metadata.concat()),
        field(2, &subject.concat()),
        field(3, &role_ref.concat()),
    ]
    .concat();
    [b"k8s\0".to_vec(), field(1, &kind), field(2, &object)].concat()
}

/// Writes a value, and returns its revision.
async fn overwrite(store: &Arc<dyn Storage>, key: &str, value: &[u8]) -> Revision {
    let found = store.get(key, ReadAt::Latest).await.unwrap().entry;
    let value = Bytes::copy_from_slice(value);
    let written = match found {
        Some(entry) => store.compare_and_swap(key, entry.revision, value).await,
        None => store.create(key, value).await,
    };
    written.unwrap().revision
}

/// The lines of the log that say that no decision is based on a revision of [`KEY`].
fn reports(revision: Revision) -> Vec<String> {
    let revision = format!("revision={revision} ");
    let parts = ["an object cannot be read", KEY, &revision];
    let is_one = |line: &&str| parts.iter().all(|part| line.contains(part));
    let log = log::so_far();
    log.lines().filter(is_one).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreadable_binding_grants_nothing_and_can_be_deleted() {
    log::keep();
    let etcd = EtcdServer::start();
    let options = EtcdOptions::new([etcd.endpoint()]);
    let store: Arc<dyn Storage> = Arc::new(EtcdStorage::connect(&options).await.unwrap());
    let server = TestServer::start(&[&format!("--etcd-servers={}", etcd.endpoint())]).await;
    let (admin, alice) = (server.admin(), server.alice());
    let maps = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]);
    let_alice(&admin, maps).await;
    eventually(&alice, MAPS, |answer| answer.code == 200).await;
    let path = format!("{BINDINGS}/alices");

    for broken in [b"k8s\0\x0a\xff\xff".as_slice(), b"no JSON", b"{}"] {
        let revision = overwrite(&store, KEY, broken).await;
        // its previous content no longer applies
        eventually(&alice, MAPS, |answer| answer.code == 403).await;
        assert_eq!(reports(revision).len(), 1, "{:?}", reports(revision));
        if broken != b"{}" {
            let answer = admin.get(&path).await;
            assert_eq!(answer.code, 500);
            assert!(answer.message().contains(KEY), "{answer:?}");
        }
        // and protobuf is read like JSON
        overwrite(&store, KEY, &in_protobuf("alices")).await;
        eventually(&alice, MAPS, |answer| answer.code == 200).await;
        let read = admin.get(&path).await.json();
        assert_eq!(read["subjects"], binding("alices")["subjects"], "{read}");
        assert_eq!(read["roleRef"], binding("alices")["roleRef"], "{read}");
    }
    overwrite(&store, KEY, b"no JSON").await;
    eventually(&admin, &path, |answer| answer.code == 500).await;
    assert_eq!(admin.get(BINDINGS).await.code, 500);
    // its deletion is one like any other
    let dry = admin.delete(&format!("{path}?dryRun=All")).await;
    assert_eq!(dry.code, 200, "{dry:?}");
    let options = json!({"preconditions": {"resourceVersion": "1"}}).to_string();
    assert_eq!(admin.ask(Method::DELETE, &path, options).await.code, 409);
    deny(
        &admin,
        "DELETE",
        "rbac.authorization.k8s.io",
        "rolebindings",
        "alices",
    )
    .await;
    assert_eq!(admin.delete(&path).await.code, 422);
    assert_eq!(admin.get(&path).await.code, 500, "it is still there");
    allow(&admin).await;
    let deleted = admin.delete(&path).await;
    assert_eq!(deleted.code, 200, "{deleted:?}");
    assert_eq!(deleted.json()["details"]["name"], "alices");
    assert_eq!(admin.get(&path).await.code, 404);
    assert_eq!(admin.get(BINDINGS).await.code, 200);
    assert_eq!(admin.post(BINDINGS, &binding("alices")).await.code, 201);
    assert_eq!(alice.get(MAPS).await.code, 200);
}

/// An unreadable object blocks neither the deletion of its namespace nor that of the other objects.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_with_unreadable_objects_can_be_deleted() {
    let etcd = EtcdServer::start();
    let options = EtcdOptions::new([etcd.endpoint()]);
    let store: Arc<dyn Storage> = Arc::new(EtcdStorage::connect(&options).await.unwrap());
    let server = TestServer::start(&[&format!("--etcd-servers={}", etcd.endpoint())]).await;
    let admin = server.admin();
    let namespaces = "/api/v1/namespaces";
    for name in ["a", "b"] {
        let made = admin
            .post(namespaces, &json!({"metadata": {"name": name}}))
            .await;
        assert_eq!(made.code, 201, "{made:?}");
        let key = format!("/registry/configmaps/{name}/broken");
        overwrite(&store, &key, b"no JSON").await;
        eventually(
            &admin,
            &format!("{namespaces}/{name}/configmaps/broken"),
            |answer| answer.code == 500,
        )
        .await;
    }
    let all = admin.delete(&format!("{namespaces}/a/configmaps")).await;
    assert_eq!(all.code, 200, "{all:?}");
    assert_eq!(
        admin
            .get(&format!("{namespaces}/a/configmaps/broken"))
            .await
            .code,
        404
    );
    assert_eq!(admin.delete(&format!("{namespaces}/b")).await.code, 200);
    gone(&admin, &format!("{namespaces}/b")).await;
}

/// A server starts despite unreadable objects, even those that it needs itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_starts_despite_unreadable_objects() {
    let etcd = EtcdServer::start();
    let options = EtcdOptions::new([etcd.endpoint()]);
    let store: Arc<dyn Storage> = Arc::new(EtcdStorage::connect(&options).await.unwrap());
    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    for key in [
        "services/specs/default/broken",
        "clusterroles/view",
        "resourcequotas/default/broken",
        "podsecuritypolicy/broken",
        "masterleases/broken",
    ] {
        overwrite(&store, &format!("/registry/{key}"), b"no JSON").await;
    }
    let flags = [&*format!("--etcd-servers={}", etcd.endpoint())];
    let server = TestServer::start(&flags).await;
    let admin = server.admin();
    assert_eq!(admin.get("/readyz").await.code, 200);
    let view = format!("{roles}/view");
    assert_eq!(admin.get(&view).await.code, 500);
    let service = json!({"metadata": {"name": "s"}, "spec": {"ports": [{"port": 1}]}});
    let made = admin
        .post("/api/v1/namespaces/default/services", &service)
        .await;
    assert_eq!(made.code, 201, "{made:?}");
    let map = json!({"metadata": {"name": "m"}});
    assert_eq!(admin.post(MAPS, &map).await.code, 201);
    assert_eq!(admin.delete(&view).await.code, 200);
    let dir = server.stop().await;
    let server = TestServer::start_in(dir, &flags).await;
    assert_eq!(server.admin().get(&view).await.code, 200);
}

/// For watchers an unreadable object does not exist: it is deleted when it becomes unreadable, and added when
/// it becomes readable again, in every format of a watch.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watchers_see_unreadable_objects_deleted_and_added_again() {
    let etcd = EtcdServer::start();
    let options = EtcdOptions::new([etcd.endpoint()]);
    let store: Arc<dyn Storage> = Arc::new(EtcdStorage::connect(&options).await.unwrap());
    let endpoint = format!("--etcd-servers={}", etcd.endpoint());
    let server = TestServer::start(&[&endpoint, NO_OTHER_MAPS]).await;
    let admin = server.admin();
    let list = admin.get(MAPS).await.json();
    let from = list["metadata"]["resourceVersion"].as_str().unwrap();

    let map = |name: &str| json!({"metadata": {"name": name, "labels": {"l": "x"}}});
    assert_eq!(admin.post(MAPS, &map("m")).await.code, 201);
    let key = "/registry/configmaps/default/m";
    let whole = store.get(key, ReadAt::Latest).await.unwrap().entry.unwrap();
    let elsewhere = br#"{"apiVersion":"v1","kind":"ConfigMap","metadata":
        {"name":"m","namespace":"default","labels":{"l":"x"}}}"#;
    for good in [&whole.value[..], elsewhere] {
        overwrite(&store, key, b"no JSON").await;
        overwrite(&store, key, good).await;
    }
    overwrite(&store, key, b"still no JSON").await;
    assert_eq!(admin.post(MAPS, &map("n")).await.code, 201);
    let initial = watch::events(&admin, "").await;
    assert_eq!(watch::told(&initial), ["ADDED n"]);
    assert_eq!(admin.delete(&format!("{MAPS}/m")).await.code, 200);

    let metadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let readers = [
        (admin.clone(), ""),
        (admin.clone(), "&labelSelector=l%3Dx"),
        (admin.clone().header("accept", metadata), ""),
    ];
    for (reader, selector) in readers {
        let query = format!("resourceVersion={from}{selector}");
        let events = watch::events(&reader, &query).await;
        assert_eq!(
            watch::told(&events),
            [
                "ADDED m",
                "DELETED m",
                "ADDED m",
                "DELETED m",
                "ADDED m",
                "DELETED m",
                "ADDED n"
            ],
            "{query}"
        );
    }
}
