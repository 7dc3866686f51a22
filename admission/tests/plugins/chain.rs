//! The order of plugins, their operations and phases, and the first denial.

use k8s_openapi::api::core::v1::ConfigMap;
use portcullis_admission::Operation;
use portcullis_api::{GroupKind, GroupResource};

use crate::support::{Request, World, from_yaml, pod};

#[tokio::test]
async fn the_first_denial_ends_the_chain_and_names_its_plugin() {
    let chain = World::new().chain(&["AlwaysDeny", "Priority"]);
    let unknown = pod("a", "{priorityClassName: nope}");
    let denial = Request::create_pod(unknown).send(&chain).await.unwrap_err();
    assert_eq!(denial.plugin, "Priority");
    assert_eq!(
        denial.status.message,
        r#"pods "a" is forbidden: no PriorityClass with name nope was found"#
    );
    let denial = Request::create_pod(pod("a", "{}"))
        .send(&chain)
        .await
        .unwrap_err();
    assert_eq!(denial.plugin, "AlwaysDeny");
    assert_eq!(
        denial.status.message,
        r#"pods "a" is forbidden: admission control is denying all modifications"#
    );
}

#[tokio::test]
async fn a_denial_names_an_unnamed_object_by_its_prefix() {
    let chain = World::new().chain(&["AlwaysDeny"]);
    let mut generated = pod("x", "{}");
    generated.metadata.name = None;
    generated.metadata.generate_name = Some("nginx-".to_owned());
    let (text, code) = Request::create_pod(generated).denied(&chain).await;
    assert_eq!(code, 403);
    assert!(text.starts_with(r#"pods "nginx-" is forbidden"#), "{text}");
}

#[tokio::test]
async fn plugins_run_only_for_their_operations() {
    let chain = World::new().chain(&["Priority", "DefaultTolerationSeconds", "RuntimeClass"]);
    let kind = GroupKind {
        group: "",
        kind: "ConfigMap",
    };
    let resource = GroupResource {
        group: "",
        resource: "configmaps",
    };
    let map: ConfigMap = from_yaml("{metadata: {name: a}, data: {k: v}}");
    let request = Request::create(kind, resource, map.clone());
    assert_eq!(
        request.send(&chain).await.unwrap().object::<ConfigMap>(),
        map
    );
    let mut deletion = Request::create_pod(pod("a", "{priorityClassName: nope}"));
    deletion.operation = Operation::Delete;
    deletion.send(&chain).await.unwrap();
}

#[tokio::test]
async fn durations_are_counted_by_plugin_and_phase() {
    let chain = World::new().chain(&["Priority", "PodSecurityPolicy"]);
    for class in ["{}", "{priorityClassName: nope}"] {
        Request::create_pod(pod("a", class)).denied(&chain).await;
    }
    Request::create_pod(pod("a", "{}"))
        .denied(&chain.clone())
        .await;
    let families = chain.collectors().flat_map(|c| c.collect());
    let counts = families.flat_map(|mut family| {
        let metrics = family.take_metric().into_iter();
        metrics.map(|metric| {
            let labels = metric.get_label().iter().map(|l| l.value().to_owned());
            let histogram = metric.get_histogram();
            assert!(histogram.get_sample_sum() > 0.0);
            let labels: Vec<_> = labels.collect();
            (labels.join(" "), histogram.get_sample_count())
        })
    });
    let counts: Vec<_> = counts.collect();
    let expected = [
        ("PodSecurityPolicy CREATE true admit".to_owned(), 3),
        ("CREATE true admit".to_owned(), 3),
    ];
    assert_eq!(counts, expected);
}
