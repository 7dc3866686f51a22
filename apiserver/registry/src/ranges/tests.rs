use bytes::Bytes;
use portcullis_api::decode::decode;
use portcullis_storage::ReadAt;
use portcullis_storage::embedded::EmbeddedStorage;
use serde_json::{Value, json};

use super::*;
use portcullis_kinds::kinds::service::ServiceStrategy;
use portcullis_kinds::strategy::Strategy;

struct Server {
    ranges: ServiceRanges,
    storage: Arc<dyn Storage>,
    _dir: tempfile::TempDir,
}

fn ranges(storage: &Arc<dyn Storage>, network: &str) -> ServiceRanges {
    let ports = PortRange {
        first: 30000,
        last: 30003,
    };
    ServiceRanges::new(storage, "/registry", network.parse().unwrap(), ports).unwrap()
}

fn server() -> Server {
    let dir = tempfile::tempdir().unwrap();
    let storage: Arc<dyn Storage> =
        Arc::new(EmbeddedStorage::open(&dir.path().join("store")).unwrap());
    Server {
        ranges: ranges(&storage, "10.0.0.0/29"),
        storage,
        _dir: dir,
    }
}

fn service(spec: &Value) -> Service {
    let mut object = json!({"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}});
    let fields = spec.as_object().unwrap().clone();
    object["spec"].as_object_mut().unwrap().extend(fields);
    let mut service = decode::<Service>(&object).unwrap().value;
    ServiceStrategy.default(&mut service);
    ServiceStrategy.prepare_for_create(&mut service);
    service
}

impl Server {
    async fn make(&self, spec: &Value) -> Result<Service, String> {
        self.change(service(spec), None).await
    }

    async fn change(&self, mut new: Service, old: Option<&Service>) -> Result<Service, String> {
        let old = old.map(|o| o as &dyn Object);
        let reservation = self.ranges.reserve(&mut new, old, false).await;
        let reservation = reservation.map_err(|status| status.message)?;
        self.ranges.settle(reservation, Ok::<_, u16>(())).await;
        Ok(new)
    }

    async fn stored(&self, key: &str) -> Value {
        let key = format!("/registry/ranges/{key}");
        let found = self.storage.get(&key, ReadAt::Latest).await.unwrap();
        serde_json::from_slice(&found.entry.unwrap().value).unwrap()
    }
}

fn ip(service: &Service) -> String {
    service
        .spec
        .as_ref()
        .unwrap()
        .cluster_ip
        .clone()
        .unwrap_or_default()
}

fn ports(service: &Service) -> Vec<i32> {
    let ports = service.spec.as_ref().unwrap().ports.iter().flatten();
    ports.map(|p| p.node_port.unwrap_or_default()).collect()
}

#[tokio::test]
async fn an_address_is_given_out_once_and_again_when_free() {
    let server = server();
    let mut all = Vec::new();
    for _ in 0..6 {
        all.push(server.make(&json!({})).await.unwrap());
    }
    let mut ips: Vec<_> = all.iter().map(ip).collect();
    ips.sort_unstable();
    let expected: Vec<_> = (1..7).map(|i| format!("10.0.0.{i}")).collect();
    assert_eq!(ips, expected);
    let full = server.make(&json!({})).await.unwrap_err();
    assert!(full.contains("range is full"), "{full}");
    assert_eq!(
        server
            .make(&json!({"clusterIP": "10.0.0.3"}))
            .await
            .unwrap_err(),
        "Service \"s\" is invalid: spec.clusterIPs: Invalid value: []string{\"10.0.0.3\"}: failed to allocate IP 10.0.0.3: provided IP is already allocated"
    );
    server.ranges.release(&all[0]).await;
    assert_eq!(ip(&server.make(&json!({})).await.unwrap()), ip(&all[0]));
    let families = &all[0].spec.as_ref().unwrap().ip_families;
    assert_eq!(families.as_deref(), Some(["IPv4".to_owned()].as_slice()));
}

#[tokio::test]
async fn numbers_outside_the_ranges_are_rejected() {
    let server = server();
    for (spec, text) in [
        (
            json!({"clusterIP": "10.0.0.7"}),
            "failed to allocate IP 10.0.0.7: the provided IP (10.0.0.7) is not in the valid range. The range of valid IPs is 10.0.0.0/29",
        ),
        (
            json!({"type": "NodePort", "ports": [{"port": 1, "nodePort": 80}]}),
            "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-30003",
        ),
        (
            json!({"ipFamilies": ["IPv6"]}),
            "spec.ipFamilies[0]: Invalid value: \"IPv6\": not configured on this cluster",
        ),
        (
            json!({"ipFamilyPolicy": "RequireDualStack"}),
            "this cluster is not configured for dual-stack services",
        ),
        (
            json!({"externalTrafficPolicy": "Local"}),
            "ExternalTrafficPolicy can only be set on NodePort and LoadBalancer service",
        ),
    ] {
        let refused = server.make(&spec).await.unwrap_err();
        assert!(refused.contains(text), "{refused}");
    }
    // a rejected request keeps nothing
    for _ in 0..6 {
        server.make(&json!({})).await.unwrap();
    }
}

#[tokio::test]
async fn two_servers_share_the_ranges() {
    let one = server();
    let two = Server {
        ranges: ranges(&one.storage, "10.0.0.0/29"),
        storage: one.storage.clone(),
        _dir: tempfile::tempdir().unwrap(),
    };
    let node_port = json!({"type": "NodePort"});
    let made = futures_util::future::join_all(
        [&one, &two, &one, &two].map(|server| server.make(&node_port)),
    )
    .await;
    let made: Vec<_> = made.into_iter().map(Result::unwrap).collect();
    let mut numbers: Vec<_> = made.iter().flat_map(ports).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [30000, 30001, 30002, 30003]);
    let ips: std::collections::BTreeSet<_> = made.iter().map(ip).collect();
    assert_eq!(ips.len(), 4);
    let stored = one.stored("servicenodeports").await;
    assert_eq!(
        stored,
        json!({"kind": "RangeAllocation", "apiVersion": "v1", "metadata": {"creationTimestamp": null},
            "range": "30000-30003", "data": "Dw=="})
    );
    let other = ranges(&one.storage, "10.1.0.0/29");
    let mut another = service(&json!({}));
    let status = other.reserve(&mut another, None, false).await.unwrap_err();
    assert!(
        status
            .message
            .contains("the provided network does not match the current range")
    );
}

#[tokio::test]
async fn ports_of_one_number_share_a_port_of_the_nodes() {
    let server = server();
    let dns = json!({"type": "NodePort", "ports": [
        {"name": "a", "port": 53, "protocol": "UDP"}, {"name": "b", "port": 53}, {"name": "c", "port": 54, "nodePort": 30001}]});
    let made = server.make(&dns).await.unwrap();
    let [a, b, c] = ports(&made)[..] else {
        panic!()
    };
    assert_eq!((a, c), (b, 30001));
    let asking = json!({"type": "NodePort", "ports": [{"port": 1, "nodePort": 30001}]});
    let refused = server.make(&asking).await.unwrap_err();
    let text = "nodePort: Invalid value: 30001: provided port is already allocated";
    assert!(refused.contains(text), "{refused}");
}

#[tokio::test]
async fn a_change_of_type_releases_unneeded_numbers() {
    let server = server();
    let balanced = json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local",
        "ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}, {"name": "c", "port": 3}]});
    let old = server.make(&balanced).await.unwrap();
    let spec = old.spec.as_ref().unwrap();
    assert!(spec.health_check_node_port.is_some());
    let refused = server.make(&json!({"type": "NodePort"})).await.unwrap_err();
    assert!(
        refused.contains("failed to allocate a nodePort: range is full"),
        "{refused}"
    );

    let mut inside = old.clone();
    let spec = inside.spec.as_mut().unwrap();
    spec.type_ = Some("ClusterIP".into());
    ServiceStrategyChange::apply(&mut inside, &old);
    let inside = server.change(inside, Some(&old)).await.unwrap();
    assert_eq!((ip(&inside), ports(&inside)), (ip(&old), vec![0, 0, 0]));
    for _ in 0..4 {
        server.make(&json!({"type": "NodePort"})).await.unwrap();
    }

    let mut outside = inside.clone();
    let spec = outside.spec.as_mut().unwrap();
    spec.type_ = Some("ExternalName".into());
    ServiceStrategyChange::apply(&mut outside, &inside);
    let outside = server.change(outside, Some(&inside)).await.unwrap();
    assert_eq!(ip(&outside), "");
    server.make(&json!({"clusterIP": ip(&old)})).await.unwrap();
}

/// The strategy's part of a change.
struct ServiceStrategyChange;

impl ServiceStrategyChange {
    fn apply(new: &mut Service, old: &Service) {
        use portcullis_kinds::strategy::Strategy;
        ServiceStrategy.prepare_for_update(new, old);
    }
}

#[tokio::test]
async fn a_dry_run_takes_nothing() {
    let server = server();
    let mut new = service(&json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local"}));
    let reservation = server.ranges.reserve(&mut new, None, true).await.unwrap();
    assert_eq!(reservation.taken, Numbers::default());
    assert_eq!((ip(&new), ports(&new)), ("10.0.0.0".into(), vec![32769]));
    assert_eq!(new.spec.unwrap().health_check_node_port, Some(32770));
    let found = server
        .storage
        .get("/registry/ranges/serviceips", ReadAt::Latest)
        .await;
    assert!(found.unwrap().entry.is_none());
}

#[tokio::test]
async fn a_rejected_write_releases_and_an_unknown_one_does_not() {
    let server = server();
    let reserve = || async {
        let mut new = service(&json!({"clusterIP": "10.0.0.2"}));
        server
            .ranges
            .reserve(&mut new, None, false)
            .await
            .map_err(|s| s.message)
    };
    let reservation = reserve().await.unwrap();
    server.ranges.settle(reservation, Err::<(), _>(409)).await;
    let reservation = reserve().await.unwrap();
    server.ranges.settle(reservation, Err::<(), _>(504)).await;
    assert!(reserve().await.is_err());
}

#[tokio::test]
async fn an_unreadable_set_is_named() {
    let server = server();
    let protobuf = Bytes::from_static(b"k8s\0\n");
    server
        .storage
        .create("/registry/ranges/serviceips", protobuf)
        .await
        .unwrap();
    let refused = server.make(&json!({})).await.unwrap_err();
    assert!(refused.contains("/registry/ranges/serviceips"), "{refused}");
}

#[test]
fn networks_have_a_size() {
    let dir = tempfile::tempdir().unwrap();
    let storage: Arc<dyn Storage> =
        Arc::new(EmbeddedStorage::open(&dir.path().join("store")).unwrap());
    let ports = PortRange { first: 1, last: 2 };
    let new = |network: &str| ServiceRanges::new(&storage, "", network.parse().unwrap(), ports);
    assert!(new("10.0.0.0/30").is_err() && new("10.0.0.0/8").is_err());
    let first = new("fd00::/108").unwrap().first_address().unwrap();
    assert_eq!(first.to_string(), "fd00::1");
}
