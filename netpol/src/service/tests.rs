use serde_json::{Value, json};

use super::*;

fn cluster() -> Cluster {
    let mut cluster = Cluster::default();
    for (name, phase, ip) in [
        ("web-1", "Running", "10.244.0.1"),
        ("web-2", "Running", "10.244.0.2"),
        ("web-3", "Failed", "10.244.0.3"),
    ] {
        let pod = json!({
            "metadata": {"name": name, "namespace": "shop", "labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "ports": [{"name": "http", "containerPort": 8080}]}]},
            "status": {"phase": phase, "podIP": ip},
        });
        cluster.put_pod(Pod::of(&serde_json::from_value(pod).unwrap()));
    }
    cluster
}

fn service(spec: &Value) -> Service {
    let service = json!({"metadata": {"name": "web", "namespace": "shop"}, "spec": spec});
    serde_json::from_value(service).unwrap()
}

fn slices() -> Vec<EndpointSlice> {
    let slice = |of: &str, endpoints: Value| {
        json!({
            "metadata": {"name": of, "namespace": "shop", "labels": {SERVICE_NAME: of}},
            "addressType": "IPv4", "endpoints": endpoints,
            "ports": [{"name": "other", "port": 1}, {"name": "", "port": 9090}],
        })
    };
    let own = json!([
        {"addresses": ["10.244.0.2"], "conditions": {"ready": true}},
        {"addresses": ["10.244.0.1"], "conditions": {"ready": false}},
        {"addresses": ["192.0.2.9"]},
    ]);
    let all = json!([
        slice("web", own),
        slice("db", json!([{"addresses": ["10.244.0.7"]}]))
    ]);
    serde_json::from_value(all).unwrap()
}

fn translated(
    spec: &Value,
    slices: &[EndpointSlice],
    port: &PortName,
) -> Result<Vec<String>, String> {
    let service = service(spec);
    let found = translate(&cluster(), &service, slices, port, Protocol::Tcp);
    let found = found.map_err(|error| error.to_string())?;
    let words = |b: Backend| {
        let pod = b.pod.map(|pod| pod.name).unwrap_or_default();
        format!("{} -> {pod} {}:{}", found.port, b.address.unwrap(), b.port)
    };
    Ok(found.backends.into_iter().map(words).collect())
}

#[test]
fn a_service_without_slices_translates_to_the_running_pods_it_selects() {
    let selector = json!({"app": "web"});
    for (target, port) in [(json!("http"), 8080), (json!(81), 81), (Value::Null, 80)] {
        let spec = json!({"selector": selector, "ports": [{"port": 80, "targetPort": target}]});
        let expected = vec![
            format!("80 -> web-1 10.244.0.1:{port}"),
            format!("80 -> web-2 10.244.0.2:{port}"),
        ];
        assert_eq!(translated(&spec, &[], &PortName::Number(80)), Ok(expected));
    }
    let spec =
        json!({"selector": selector, "ports": [{"name": "www", "port": 80, "targetPort": "nope"}]});
    assert_eq!(
        translated(&spec, &[], &PortName::Name("www".into())),
        Ok(vec![])
    );
}

#[test]
fn a_service_with_slices_translates_to_their_ready_endpoints() {
    let spec = json!({"selector": {"app": "web"}, "ports": [{"port": 80}]});
    let expected = ["80 -> web-2 10.244.0.2:9090", "80 ->  192.0.2.9:9090"];
    let expected = expected.map(str::to_owned).to_vec();
    assert_eq!(
        translated(&spec, &slices(), &PortName::Number(80)),
        Ok(expected)
    );
}

/// The controller creates a slice without endpoints for pods without addresses; this differs from one whose
/// endpoints are not ready.
#[test]
fn a_slice_without_endpoints_leaves_it_to_the_selector() {
    let spec = json!({"selector": {"app": "web"}, "ports": [{"port": 80}]});
    let of_nobody = |endpoints: Value| -> Vec<EndpointSlice> {
        let slice = json!({"metadata": {"name": "web-x", "namespace": "shop", "labels": {SERVICE_NAME: "web"}},
            "addressType": "IPv4", "endpoints": endpoints, "ports": [{"name": "", "port": 80}]});
        serde_json::from_value(json!([slice])).unwrap()
    };
    let port = PortName::Number(80);
    let expected = ["80 -> web-1 10.244.0.1:80", "80 -> web-2 10.244.0.2:80"];
    let expected = expected.map(str::to_owned).to_vec();
    assert_eq!(
        translated(&spec, &of_nobody(json!([])), &port),
        Ok(expected)
    );
    let unready = json!([{"addresses": ["10.244.0.1"], "conditions": {"ready": false}}]);
    assert_eq!(translated(&spec, &of_nobody(unready), &port), Ok(vec![]));
}

#[test]
fn a_headless_service_translates_no_port() {
    let spec = json!({"clusterIP": "None", "selector": {"app": "web"},
        "ports": [{"name": "www", "port": 80, "targetPort": 8080}]});
    let expected = |port: u16, at: u16| {
        let pods = ["web-1 10.244.0.1", "web-2 10.244.0.2"];
        Ok(pods.map(|pod| format!("{port} -> {pod}:{at}")).to_vec())
    };
    assert_eq!(translated(&spec, &[], &PortName::Number(5)), expected(5, 5));
    assert_eq!(
        translated(&spec, &[], &PortName::Name("www".into())),
        expected(80, 8080)
    );
}

#[test]
fn a_service_without_a_destination_has_a_reason() {
    let spec = json!({"ports": [{"port": 80}, {"port": 53, "protocol": "UDP"}]});
    assert_eq!(
        translated(&spec, &[], &PortName::Number(53)),
        Err("it has no port 53 of TCP, but 80 of TCP, 53 of UDP".to_owned())
    );
    let spec = json!({"type": "ExternalName", "externalName": "example.com"});
    assert_eq!(
        translated(&spec, &[], &PortName::Number(80)),
        Err("it is a name of \"example.com\", outside: ask about an address".to_owned())
    );
}
