//! What a scraper sees.

use serde_json::json;

use crate::support::server::TestServer;

#[tokio::test]
async fn metrics_are_for_those_who_may_and_tell_of_plugins_and_requests() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let pods = "/api/v1/namespaces/default/pods";
    let pod = |class: &str| {
        json!({"metadata": {"name": "p"}, "spec": {"priorityClassName": class,
            "containers": [{"name": "c", "image": "i"}]}})
    };
    assert_eq!(admin.post(pods, &pod("")).await.code, 201);
    assert_eq!(admin.post(pods, &pod("nope")).await.code, 403);
    let answer = server.alice().get("/metrics").await;
    assert_eq!(answer.code, 403);
    assert_eq!(
        answer.message(),
        "forbidden: User \"alice\" cannot get path \"/metrics\""
    );
    let answer = admin.get("/metrics").await;
    assert_eq!(answer.code, 200);
    assert_eq!(
        answer.headers["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let controller = "apiserver_admission_controller_admission_duration_seconds";
    let step = "apiserver_admission_step_admission_duration_seconds";
    for line in [
        format!(r#"{controller}_count{{name="Priority",operation="CREATE",rejected="true",type="admit"}} 1"#),
        format!(r#"{controller}_bucket{{name="Priority",operation="CREATE",rejected="true",type="admit",le="+Inf"}} 1"#),
        format!(r#"{step}_count{{operation="CREATE",rejected="true",type="admit"}} 1"#),
        r#"apiserver_request_total{code="201",component="apiserver",dry_run="",group="",resource="pods",scope="namespace",subresource="",verb="POST",version="v1"} 1"#.to_owned(),
        r#"apiserver_request_total{code="403",component="apiserver",dry_run="",group="",resource="",scope="",subresource="",verb="GET",version=""} 1"#.to_owned(),
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\nnot in\n{text}");
    }
}
