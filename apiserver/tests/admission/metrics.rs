//! The metrics of admission.

use serde_json::json;

use super::policies::{binding, created, policy};
use super::webhooks::{configure, webhook};
use crate::support::client::Client;
use crate::support::server::TestServer;
use crate::support::webhook::{Reply, Webhook, allow};

async fn scrape(admin: &Client) -> String {
    let answer = admin.get("/metrics").await;
    String::from_utf8(answer.body.to_vec()).unwrap()
}

#[tokio::test]
async fn webhooks_and_policies_are_counted() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let hook = Webhook::start(|path, _| match path {
        "/deny" => Reply::Review(json!({"allowed": false, "status": {"code": 403}})),
        "/broken" => Reply::Raw(http::StatusCode::IM_A_TEAPOT, "x".into()),
        _ => allow(),
    })
    .await;
    configure(
        &admin,
        "Mutating",
        "m",
        &[webhook("allows", &hook.config("/"), &json!({}))],
    )
    .await;
    let ignored = json!({"failurePolicy": "Ignore"});
    let webhooks = [
        webhook("broken", &hook.config("/broken"), &ignored),
        webhook(
            "errs",
            &hook.config("/"),
            &json!({"failurePolicy": "Ignore", "matchConditions":
            [{"name": "z", "expression": "object.data.none == 'x'"}]}),
        ),
        webhook(
            "denies",
            &hook.config("/deny"),
            &json!({"matchConditions":
            [{"name": "x", "expression": "object.metadata.name == 'denied'"}]}),
        ),
    ];
    configure(&admin, "Validating", "v", &webhooks).await;
    let group = "/apis/admissionregistration.k8s.io/v1";
    let warns = policy(
        "warns",
        &json!({"validations": [{"expression": "false"}],
            "matchConditions": [{"name": "y", "expression": "true"}]}),
    );
    created(
        &admin,
        &format!("{group}/validatingadmissionpolicies"),
        &warns,
    )
    .await;
    let warning = json!({"validationActions": ["Warn"]});
    let bindings = format!("{group}/validatingadmissionpolicybindings");
    created(&admin, &bindings, &binding("b", "warns", &warning)).await;

    let maps = "/api/v1/namespaces/default/configmaps";
    for (name, code) in [("a", 201), ("denied", 403)] {
        let map = json!({"metadata": {"name": name}});
        assert_eq!(admin.post(maps, &map).await.code, code);
    }
    let text = scrape(&admin).await;
    for line in [
        r#"apiserver_admission_webhook_request_total{code="200",name="allows.example.com",operation="CREATE",rejected="false",type="admit"} 2"#,
        r#"apiserver_admission_webhook_admission_duration_seconds_count{name="allows.example.com",operation="CREATE",rejected="false",type="admit"} 2"#,
        r#"apiserver_admission_webhook_request_total{code="418",name="broken.example.com",operation="CREATE",rejected="false",type="validating"} 2"#,
        r#"apiserver_admission_webhook_fail_open_count{name="broken.example.com",type="validating"} 2"#,
        r#"apiserver_admission_webhook_request_total{code="403",name="denies.example.com",operation="CREATE",rejected="true",type="validating"} 1"#,
        r#"apiserver_admission_webhook_rejection_count{error_type="no_error",name="denies.example.com",operation="CREATE",rejection_code="403",type="validating"} 1"#,
        r#"apiserver_admission_match_condition_exclusions_total{kind="webhook",name="denies.example.com",operation="CREATE",type="validating"} 1"#,
        r#"apiserver_admission_match_condition_evaluation_seconds_count{kind="webhook",name="denies.example.com",operation="CREATE",type="validating"} 2"#,
        r#"apiserver_admission_match_condition_evaluation_errors_total{kind="webhook",name="errs.example.com",operation="CREATE",type="validating"} 2"#,
        r#"apiserver_admission_match_condition_exclusions_total{kind="webhook",name="errs.example.com",operation="CREATE",type="validating"} 2"#,
        r#"apiserver_admission_match_condition_evaluation_seconds_count{kind="policy",name="warns",operation="CREATE",type="validate"} 2"#,
        r#"apiserver_validating_admission_policy_check_total{enforcement_action="warn",error_type="no_error",policy="warns",policy_binding="b"} 2"#,
        r#"apiserver_validating_admission_policy_check_duration_seconds_count{enforcement_action="warn",error_type="no_error",policy="warns",policy_binding="b"} 2"#,
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\nnot in\n{text}");
    }
}

#[tokio::test]
async fn metrics_need_permission_and_count_plugins_and_requests() {
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
        r#"apiserver_request_total{code="201",component="apiserver",dry_run="",group="",resource="pods",scope="resource",subresource="",verb="POST",version="v1"} 1"#.to_owned(),
        r#"apiserver_request_total{code="403",component="apiserver",dry_run="",group="",resource="",scope="",subresource="",verb="GET",version=""} 1"#.to_owned(),
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\nnot in\n{text}");
    }
}
