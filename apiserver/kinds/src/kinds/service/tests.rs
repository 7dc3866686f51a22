use serde_json::{Value, json};

use super::*;
use crate::kinds::testing::{defaulted, mistakes, prepared, update_mistakes, written};

fn service(spec: &Value) -> Value {
    let mut object = json!({"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}});
    object["spec"]
        .as_object_mut()
        .unwrap()
        .extend(spec.as_object().unwrap().clone());
    object
}

#[test]
fn defaults_follow_the_type() {
    let port = json!({"port": 80, "protocol": "TCP", "targetPort": 80});
    for (spec, expected) in [
        (
            json!({}),
            json!({"ports": [port], "sessionAffinity": "None", "type": "ClusterIP", "internalTrafficPolicy": "Cluster"}),
        ),
        (
            json!({"type": "LoadBalancer", "sessionAffinity": "ClientIP"}),
            json!({"ports": [port], "sessionAffinity": "ClientIP",
                "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}}, "type": "LoadBalancer",
                "internalTrafficPolicy": "Cluster", "externalTrafficPolicy": "Cluster",
                "allocateLoadBalancerNodePorts": true}),
        ),
        (
            json!({"type": "ExternalName", "externalName": "x", "ports": [{"port": 1, "targetPort": 0, "protocol": "UDP"}],
                "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 1}}}),
            json!({"ports": [{"port": 1, "protocol": "UDP", "targetPort": 1}], "sessionAffinity": "None",
                "type": "ExternalName", "externalName": "x"}),
        ),
    ] {
        let object = defaulted(&ServiceStrategy, &service(&spec));
        assert_eq!(written(&object.spec), expected);
    }
}

#[test]
fn errors_are_upstreams() {
    for (spec, texts) in [
        (json!({}), vec![]),
        (json!({"clusterIP": "None", "ports": []}), vec![]),
        (json!({"ports": []}), vec!["ports: Required value"]),
        (
            json!({"type": "LoadBalancer", "ports": [{"port": 10250}]}),
            vec![
                "ports[0]: Invalid value: 10250: may not expose port 10250 externally since it is used by kubelet",
            ],
        ),
        (
            json!({"type": "ExternalName", "clusterIP": "10.0.0.1", "ipFamilyPolicy": "SingleStack", "ports": []}),
            vec![
                "clusterIPs: Forbidden: may not be set for ExternalName services",
                "ipFamilyPolicy: Forbidden: may not be set for ExternalName services",
                "externalName: Required value",
            ],
        ),
        (
            json!({"type": "NodePort", "clusterIP": "None"}),
            vec![
                "clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services",
            ],
        ),
        (
            json!({"ports": [{"port": 1, "nodePort": 30000}, {"port": 1, "name": "a", "nodePort": 30000}]}),
            vec![
                "ports[0].name: Required value",
                "ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
                "ports[1].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
                "ports[1].nodePort: Duplicate value: 30000",
                "ports[1]: Duplicate value: core.ServicePort{Name:\"\", Protocol:\"TCP\", AppProtocol:(*string)(nil), Port:1, TargetPort:intstr.IntOrString{Type:0, IntVal:0, StrVal:\"\"}, NodePort:0}",
            ],
        ),
        (
            json!({"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 86401}}}),
            vec![
                "sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400",
            ],
        ),
        (
            json!({"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.2", "10.0.0.3"], "ipFamilies": ["IPv4", "IPv4"]}),
            vec![
                "clusterIPs: Invalid value: []string{\"10.0.0.2\", \"10.0.0.3\"}: first value must match `clusterIP`",
                "ipFamilies[1]: Duplicate value: \"IPv4\"",
                "clusterIPs: Invalid value: []string{\"10.0.0.2\", \"10.0.0.3\"}: may specify no more than one IP for each IP family",
            ],
        ),
        (
            json!({"clusterIP": "fd00::1", "ipFamilies": ["IPv4"]}),
            vec![
                "clusterIPs[0]: Invalid value: \"fd00::1\": expected an IPv4 value as indicated by `ipFamilies[0]`",
            ],
        ),
        (
            json!({"loadBalancerSourceRanges": ["x"], "loadBalancerClass": "a b", "allocateLoadBalancerNodePorts": true}),
            vec![
                "LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'",
                "LoadBalancerSourceRanges: Invalid value: \"[x]\": must be a list of IP ranges. For example, 10.240.0.0/24,10.250.0.0/24 ",
                "allocateLoadBalancerNodePorts: Forbidden: may only be used when `type` is 'LoadBalancer'",
                "loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
            ],
        ),
        (
            json!({"externalTrafficPolicy": "Odd", "internalTrafficPolicy": "Odd", "healthCheckNodePort": -1}),
            vec![
                "externalTrafficPolicy: Invalid value: \"Odd\": ExternalTrafficPolicy must be empty, Cluster or Local",
                "healthCheckNodePort: Invalid value: -1: HealthCheckNodePort must be not less than 0",
                "internalTrafficPolicy: Unsupported value: \"Odd\": supported values: \"Cluster\", \"Local\"",
            ],
        ),
    ] {
        let texts: Vec<_> = texts.iter().map(|t| format!("spec.{t}")).collect();
        assert_eq!(mistakes(&ServiceStrategy, &service(&spec)), texts, "{spec}");
    }
}

#[test]
fn omitted_allocated_values_are_kept() {
    let old = service(
        &json!({"type": "NodePort", "clusterIP": "10.0.0.5", "clusterIPs": ["10.0.0.5"],
        "ports": [{"port": 80, "name": "a", "nodePort": 30001}, {"port": 81, "name": "b", "nodePort": 30002}]}),
    );
    let old = prepared(&ServiceStrategy, &old);
    let changed = |spec: Value| {
        let mut new = defaulted(&ServiceStrategy, &service(&spec));
        ServiceStrategy.prepare_for_update(&mut new, &old);
        let errors = ServiceStrategy.validate_update(&new, &old);
        assert_eq!(errors, [], "{spec}");
        written(&new.spec)
    };
    let kept = changed(json!({"type": "NodePort",
        "ports": [{"port": 8080, "name": "b"}, {"port": 82, "name": "c", "nodePort": 30001}, {"port": 80, "name": "a"}]}));
    assert_eq!(kept["clusterIPs"], json!(["10.0.0.5"]));
    let ports: Vec<_> = (0..3)
        .map(|i| kept["ports"][i]["nodePort"].clone())
        .collect();
    assert_eq!(ports, [json!(30002), json!(30001), Value::Null]);

    let inside = changed(json!({"clusterIP": "10.0.0.5",
        "ports": [{"port": 80, "name": "a", "nodePort": 30001}, {"port": 81, "name": "b", "nodePort": 30002}],
        "externalTrafficPolicy": "Cluster"}));
    assert_eq!(inside["ports"][0].get("nodePort"), None);
    assert_eq!(inside.get("externalTrafficPolicy"), None);

    let outside = changed(
        json!({"type": "ExternalName", "externalName": "x.y", "ports": [],
        "clusterIP": "10.0.0.5", "clusterIPs": ["10.0.0.5"]}),
    );
    assert_eq!(outside.get("clusterIP"), None);
}

#[test]
fn addresses_and_classes_are_immutable() {
    let old = service(&json!({"clusterIP": "10.0.0.5", "ipFamilies": ["IPv4"]}));
    for (spec, texts) in [
        (
            json!({"clusterIP": "10.0.0.6", "clusterIPs": ["10.0.0.5"]}),
            vec![
                "spec.clusterIPs[0]: Invalid value: []string{\"10.0.0.6\"}: may not change once set",
            ],
        ),
        (
            json!({"clusterIP": "10.0.0.5", "ipFamilies": ["IPv6"]}),
            vec![
                "spec.ipFamilies[0]: Invalid value: []core.IPFamily{\"IPv6\"}: may not change once set",
                "spec.clusterIPs[0]: Invalid value: \"10.0.0.5\": expected an IPv6 value as indicated by `ipFamilies[0]`",
            ],
        ),
        (
            json!({"clusterIP": "10.0.0.6", "clusterIPs": ["10.0.0.7"]}),
            vec![
                "spec.clusterIPs[0]: Invalid value: []string{\"10.0.0.7\"}: may not change once set",
                "spec.clusterIPs: Invalid value: []string{\"10.0.0.7\"}: first value must match `clusterIP`",
            ],
        ),
        (json!({}), vec![]),
    ] {
        assert_eq!(
            update_mistakes(&ServiceStrategy, &service(&spec), &old),
            texts,
            "{spec}"
        );
    }
    let class = |class: &str| service(&json!({"type": "LoadBalancer", "loadBalancerClass": class}));
    assert_eq!(
        update_mistakes(&ServiceStrategy, &class("b"), &class("a")),
        ["spec.loadBalancerClass: Invalid value: \"b\": may not change once set"]
    );
}

#[test]
fn a_status_distinguishes_addresses_and_names() {
    let old = defaulted(&ServiceStrategy, &service(&json!({})));
    let mut object = service(&json!({"type": "NodePort"}));
    object["status"] = json!({"loadBalancer": {"ingress": [{"ip": "x"}, {"hostname": "1.2.3.4"}]}});
    let mut new = defaulted(&ServiceStrategy, &object);
    ServiceStrategy.prepare_status_update(&mut new, &old);
    assert_eq!(new.spec, old.spec);
    let errors = ServiceStrategy.validate_status_update(&new, &old);
    assert_eq!(
        errors.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "status.loadBalancer.ingress[0].ip: Invalid value: \"x\": must be a valid IP address",
            "status.loadBalancer.ingress[1].hostname: Invalid value: \"1.2.3.4\": must be a DNS name, not an IP address",
        ]
    );
}

#[test]
fn rows_show_the_addresses_of_a_service() {
    for (spec, status, cells) in [
        (
            json!({"clusterIPs": ["10.0.0.1"], "selector": {"a": "b"}, "ports": [{"port": 80, "nodePort": 30000}, {"port": 53, "protocol": "UDP"}]}),
            json!({}),
            [
                "ClusterIP",
                "10.0.0.1",
                "<none>",
                "80:30000/TCP,53/UDP",
                "a=b",
            ],
        ),
        (
            json!({"type": "LoadBalancer", "ports": []}),
            json!({}),
            ["LoadBalancer", "<none>", "<pending>", "<none>", "<none>"],
        ),
        (
            json!({"type": "LoadBalancer", "externalIPs": ["9.9.9.9"]}),
            json!({"loadBalancer": {"ingress": [{"hostname": "lb"}, {"ip": "1.1.1.1"}]}}),
            [
                "LoadBalancer",
                "<none>",
                "1.1.1.1,lb,9.9.9.9",
                "80/TCP",
                "<none>",
            ],
        ),
        (
            json!({"type": "ExternalName", "externalName": "x.y", "ports": []}),
            json!({}),
            ["ExternalName", "<none>", "x.y", "<none>", "<none>"],
        ),
    ] {
        let mut object = service(&spec);
        object["status"] = status;
        let mut row = ServiceStrategy.cells(&defaulted(&ServiceStrategy, &object));
        row.remove(5);
        assert_eq!(row[1..], cells.map(Cell::text), "{spec}");
    }
}
