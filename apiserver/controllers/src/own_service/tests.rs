//! The service, its address, and the advertised addresses.

use portcullis_storage::embedded::EmbeddedStorage;

use super::*;
use crate::testing::registry_over as registry;

/// A server that has taken the address and not yet written the service, or is about to release it, is waited
/// for.
#[tokio::test]
async fn an_address_that_is_about_to_be_released_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(EmbeddedStorage::open(&dir.path().join("store")).unwrap());
    let (here, there) = (registry(store.clone()), registry(store));
    let user = system();
    let rival = Scope::all(table::SERVICES, &user).named(NAMESPACE, "rival");
    let mut service: Service = existing(None, NAME);
    service.metadata.name = Some("rival".into());
    service.spec = Some(ServiceSpec {
        cluster_ip: Some("10.0.0.1".into()),
        ports: Some(vec![ServicePort {
            port: 443,
            ..ServicePort::default()
        }]),
        ..ServiceSpec::default()
    });
    let service = defaulted(table::SERVICES, service);
    there.create(&rival, service).await.unwrap();

    let own = Reachable {
        ip: here.ranges().first_address(),
        port: 6443,
        servers: &BTreeSet::new(),
    };
    let scope = Scope::all(table::SERVICES, &user).named(NAMESPACE, NAME);
    let refused = here.update(&scope, &own).await.err().unwrap();
    assert_eq!(refused.code, 422, "{}", refused.message);
    let give_back = async {
        tokio::time::sleep(RIVAL_WAIT.1).await;
        let options = DeleteOptions::default();
        there.delete(&rival, &options).await.map(drop)
    };
    let written = write(&here, table::SERVICES, NAME, &own);
    let (written, given_back) = tokio::join!(written, give_back);
    given_back.unwrap();
    written.unwrap();
}

#[test]
fn the_advertised_address_is_reachable_from_other_machines() {
    let local = |text: &str| text.parse::<SocketAddr>().unwrap();
    let given = Some("9.9.9.9".parse().unwrap());
    for (advertised, bound, ip) in [
        (given, "127.0.0.1:1", given),
        (None, "192.168.1.2:1", Some("192.168.1.2".parse().unwrap())),
    ] {
        let address = Address::new(advertised, local(bound));
        assert_eq!(address, Address { ip, port: 1 });
    }
    let found = Address::new(None, local("0.0.0.0:1")).ip;
    assert!(found.is_none_or(|ip| !ip.is_loopback() && !ip.is_unspecified()));
}
