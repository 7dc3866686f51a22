use std::collections::HashMap;

use k8s_openapi::api::core::v1::EndpointSubset;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::endpoints::{subsets, truncate};
use super::member::Member;
use super::slices::{Group, Plan, groups};
use super::*;
use crate::follow::{News, Seen};

fn object<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn service(spec: Value) -> Service {
    let mut spec = spec;
    spec["selector"] = json!({"app": "a"});
    object(json!({"metadata": {"namespace": "ns", "name": "s"}, "spec": spec}))
}

fn web() -> Service {
    service(
        json!({"clusterIP": "10.0.0.5", "ports": [{"port": 80, "targetPort": "http", "protocol": "TCP"}]}),
    )
}

/// A ready pod with an address that ends in this number.
fn pod(number: usize) -> Pod {
    object(json!({
        "metadata": {"namespace": "ns", "name": format!("p{number}"), "uid": format!("u{number}"), "labels": {"app": "a"}},
        "spec": {"nodeName": "n", "restartPolicy": "Always", "containers": [
            {"name": "c", "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]}]},
        "status": {"podIP": format!("10.1.{}.{}", number / 256, number % 256),
            "podIPs": [{"ip": format!("10.1.{}.{}", number / 256, number % 256)}, {"ip": format!("fd00::{number:x}")}],
            "phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}))
}

fn unready(mut pod: Pod) -> Pod {
    pod.status.as_mut().unwrap().conditions = None;
    pod
}

fn members(pods: &[Pod]) -> Vec<Member> {
    pods.iter().map(Member::of).collect()
}

fn as_json(subsets: &[EndpointSubset]) -> Value {
    serde_json::to_value(subsets).unwrap()
}

#[test]
fn ready_pods_are_distinguished_from_others() {
    let all = members(&[pod(2), unready(pod(3)), pod(1)]);
    let subsets = subsets(&web(), &all);
    let target = |n: usize| {
        json!({"ip": format!("10.1.0.{n}"), "nodeName": "n", "targetRef":
        {"kind": "Pod", "namespace": "ns", "name": format!("p{n}"), "uid": format!("u{n}")}})
    };
    let expected = json!([{"addresses": [target(1), target(2)], "notReadyAddresses": [target(3)],
        "ports": [{"port": 8080, "protocol": "TCP"}]}]);
    assert_eq!(as_json(&subsets), expected);
}

#[test]
fn some_pods_are_not_endpoints() {
    let mut ended = pod(1);
    ended.spec.as_mut().unwrap().restart_policy = Some("Never".to_owned());
    ended.status.as_mut().unwrap().phase = Some("Failed".to_owned());
    let mut without_address = pod(2);
    without_address.status.as_mut().unwrap().pod_ip = None;
    without_address.status.as_mut().unwrap().pod_ips = None;
    let mut terminating = pod(3);
    terminating.metadata.deletion_timestamp = Some(portcullis_kinds::time::now());
    let mut without_port = pod(4);
    without_port.spec.as_mut().unwrap().containers[0].ports = None;
    let all = members(&[ended, without_address, terminating, without_port]);
    assert!(subsets(&web(), &all).is_empty());
    // slices list terminating pods, and pods without such a port
    let groups = groups(&web(), &all, &HashMap::new());
    let results: Vec<_> = groups
        .iter()
        .map(|(group, all)| (group.ports.len(), all.len()))
        .collect();
    assert_eq!(results, [(1, 1), (0, 1)]);
    let conditions = groups[0].1[0].conditions.clone().unwrap();
    assert_eq!(
        (conditions.ready, conditions.serving, conditions.terminating),
        (Some(false), Some(true), Some(true))
    );
}

#[test]
fn headless_services_may_have_no_ports_and_name_their_pods() {
    let headless = service(json!({"clusterIP": "None", "publishNotReadyAddresses": true}));
    let mut named = unready(pod(1));
    let spec = named.spec.as_mut().unwrap();
    (spec.hostname, spec.subdomain) = (Some("db-0".to_owned()), Some("s".to_owned()));
    let subsets = subsets(&headless, &members(&[named]));
    assert_eq!(subsets[0].ports, None);
    let address = &subsets[0].addresses.as_ref().unwrap()[0];
    assert_eq!(address.hostname.as_deref(), Some("db-0"));
}

#[test]
fn pods_with_other_numbers_for_a_named_port_have_a_subset_of_their_own() {
    let mut other = pod(2);
    let ports = other.spec.as_mut().unwrap().containers[0]
        .ports
        .as_mut()
        .unwrap();
    ports[0].container_port = 9090;
    let all = members(&[pod(1), other]);
    let ports: Vec<_> = subsets(&web(), &all)
        .into_iter()
        .map(|subset| {
            (
                subset.ports.unwrap()[0].port,
                subset.addresses.unwrap().len(),
            )
        })
        .collect();
    assert_eq!(ports, [(8080, 1), (9090, 1)]);
    assert_eq!(groups(&web(), &all, &HashMap::new()).len(), 2);
}

#[test]
fn a_service_of_two_families_has_slices_of_both() {
    let mut both = web();
    both.spec.as_mut().unwrap().ip_families = Some(vec!["IPv6".to_owned(), "IPv4".to_owned()]);
    let all = members(&[pod(1)]);
    let address = &subsets(&both, &all)[0].addresses.clone().unwrap()[0];
    assert_eq!(address.ip, "fd00::1", "endpoints have the first");
    let zones = HashMap::from([("n".to_owned(), "z".to_owned())]);
    let groups = groups(&both, &all, &zones);
    let results: Vec<_> = groups
        .iter()
        .map(|(group, all)| {
            (
                group.family.as_str(),
                all[0].addresses[0].as_str(),
                all[0].zone.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        results,
        [
            ("IPv6", "fd00::1", Some("z")),
            ("IPv4", "10.1.0.1", Some("z"))
        ]
    );
}

#[test]
fn endpoints_hold_a_thousand_addresses_ready_ones_first() {
    let lengths = |subsets: &[EndpointSubset]| {
        let length = |list: &Option<Vec<_>>| list.as_ref().map_or(0, Vec::len);
        let all = subsets.iter();
        all.map(|s| (length(&s.addresses), length(&s.not_ready_addresses)))
            .collect::<Vec<_>>()
    };
    let of = |ready: usize, others: usize| {
        let pods = (0..ready)
            .map(pod)
            .chain((0..others).map(|n| unready(pod(ready + n))));
        subsets(&web(), &members(&pods.collect::<Vec<_>>()))
    };
    for (ready, others, expected) in [
        (1000, 0, None),
        (1200, 10, Some((1000, 0))),
        (900, 200, Some((900, 100))),
        (1000, 5, Some((1000, 0))),
    ] {
        let mut subsets = of(ready, others);
        assert_eq!(truncate(&mut subsets), expected.is_some());
        assert_eq!(lengths(&subsets), [expected.unwrap_or((ready, others))]);
    }
}

fn of_pods(range: std::ops::Range<usize>) -> Vec<(Group, Vec<Endpoint>)> {
    groups(
        &web(),
        &members(&range.map(pod).collect::<Vec<_>>()),
        &HashMap::new(),
    )
}

/// The slices after a plan.
fn carried_out(plan: Plan) -> Vec<EndpointSlice> {
    let kept = plan
        .kept
        .into_iter()
        .map(|(slice, endpoints)| EndpointSlice {
            endpoints: Some(endpoints),
            ..slice
        });
    let made = plan
        .made
        .into_iter()
        .enumerate()
        .map(|(number, (group, endpoints))| {
            let mut slice: EndpointSlice =
                object(json!({"metadata": {"name": format!("m{number}")},
            "addressType": group.family, "endpoints": []}));
            slice.ports = Some(group.ports);
            slice.endpoints = Some(endpoints);
            slice
        });
    kept.chain(made).collect()
}

fn lengths(slices: &[EndpointSlice]) -> Vec<usize> {
    slices
        .iter()
        .map(|slice| slice.endpoints.as_ref().unwrap().len())
        .collect()
}

#[test]
fn slices_hold_a_hundred_addresses_and_change_little() {
    let slices = carried_out(Plan::of(of_pods(0..250), Vec::new()));
    assert_eq!(lengths(&slices), [100, 100, 50]);
    // the same again: nothing is moved
    let same = carried_out(Plan::of(of_pods(0..250), slices.clone()));
    let names = |slices: &[EndpointSlice]| {
        let pods = slices.iter().map(|slice| {
            let endpoints = slice.endpoints.iter().flatten();
            endpoints
                .map(|e| e.addresses[0].clone())
                .collect::<Vec<_>>()
        });
        pods.collect::<Vec<_>>()
    };
    assert_eq!(names(&same), names(&slices));
    // new addresses go where there is room
    let more = Plan::of(of_pods(0..260), slices.clone());
    assert!(more.made.is_empty());
    assert_eq!(lengths(&carried_out(more)), [100, 100, 60]);
    // removed addresses leave room, and an empty slice is deleted
    let fewer = Plan::of(of_pods(0..150), slices.clone());
    assert_eq!((fewer.gone.len(), fewer.made.len()), (1, 0));
    assert_eq!(lengths(&carried_out(fewer)), [100, 50]);
    // no addresses at all are one empty slice
    let none = carried_out(Plan::of(of_pods(0..0), slices));
    assert_eq!(lengths(&none), [0]);
    let still = Plan::of(of_pods(0..0), none);
    assert_eq!(
        (still.made.len(), still.kept.len(), still.gone.len()),
        (0, 1, 0)
    );
}

fn seen<K>(object: K, gone: bool) -> News<K> {
    News::Of(Seen { object, gone })
}

#[test]
fn changes_affect_the_services_that_select() {
    let mut known = Known::default();
    let nothing: [String; 0] = [];
    assert_eq!(known.pod(seen(pod(1), false)), nothing);
    assert_eq!(known.service(seen(web(), false)), ["ns/s"]);
    assert_eq!(known.pod(seen(pod(1), false)), nothing, "as it was");
    assert_eq!(known.pod(seen(unready(pod(1)), false)), ["ns/s"]);
    let mut elsewhere = pod(1);
    elsewhere.metadata.labels = None;
    assert_eq!(
        known.pod(seen(elsewhere.clone(), false)),
        ["ns/s"],
        "it was selected"
    );
    assert_eq!(known.pod(seen(elsewhere, false)), nothing);
    assert_eq!(known.pod(seen(pod(2), false)), ["ns/s"]);
    assert_eq!(known.pod(News::Anew), ["ns/s"], "the pod may be gone");
    assert_eq!(
        known.pod(seen(pod(2), true)),
        nothing,
        "it is not known any more"
    );
    assert_eq!(known.written("ns", Some("s".to_owned())), ["ns/s"]);
    assert_eq!(known.written("ns", Some("other".to_owned())), nothing);
    assert_eq!(known.service(News::Anew), ["ns/s"]);
    assert_eq!(known.service(seen(web(), false)), ["ns/s"]);
    assert_eq!(known.service(seen(web(), true)), ["ns/s"]);
    assert_eq!(known.service(seen(web(), true)), nothing);
}
