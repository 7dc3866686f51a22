//! Explanations of requests: their content, the permission for them, and that they match what happens.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::server::{ALICES_TOKEN, BOBS_PASSWORD, TestServer};

const PATH: &str = "/explain";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const PODS: &str = "/api/v1/namespaces/default/pods";
const FLAGS: [&str; 2] = [
    "--explain-decisions",
    "--enable-admission-plugins=PodSecurityPolicy",
];

async fn explained(asker: &Client, question: Value) -> Value {
    let answer = asker.post(PATH, &question).await;
    assert_eq!(answer.code, 200, "{answer:?}");
    answer.json()
}

async fn make(server: &TestServer, path: &str, object: Value) {
    let answer = server.admin().post(path, &object).await;
    assert_eq!(answer.code, 201, "{answer:?}");
}

fn privileged_pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
        "spec": {"containers": [
            {"name": "c", "image": "i", "securityContext": {"privileged": true}},
        ]},
    })
}

async fn make_policy(server: &TestServer, name: &str, privileged: bool) {
    let any = json!({"rule": "RunAsAny"});
    let policy = json!({
        "metadata": {"name": name},
        "spec": {
            "privileged": privileged, "volumes": ["*"], "seLinux": any, "runAsUser": any,
            "fsGroup": any, "supplementalGroups": any,
        },
    });
    make(server, "/apis/policy/v1beta1/podsecuritypolicies", policy).await;
}

/// Makes a cluster role with one rule, and a binding of the same name to a subject.
async fn grant(server: &TestServer, name: &str, rule: Value, subject: Value) {
    let role = json!({"metadata": {"name": name}, "rules": [rule]});
    make(server, &format!("{RBAC}/clusterroles"), role).await;
    let binding = json!({
        "metadata": {"name": name}, "subjects": [subject],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
    });
    make(server, &format!("{RBAC}/clusterrolebindings"), binding).await;
}

fn user(name: &str) -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name})
}

fn bearer(token: &str) -> Value {
    json!({"authorization": [format!("Bearer {token}")]})
}

#[tokio::test]
async fn only_cluster_admins_may_ask_and_only_if_enabled() {
    let question = json!({"verb": "get", "resource": "pods"});
    let silent = TestServer::start(&[]).await;
    assert_eq!(silent.admin().post(PATH, &question).await.code, 404);
    silent.stop().await;

    let server = TestServer::start(&FLAGS).await;
    let refused = server.alice().post(PATH, &question).await;
    let cannot = "forbidden: User \"alice\" cannot post path \"/explain\"";
    assert_eq!((refused.code, refused.message()), (403, cannot.to_owned()));
    let rule = json!({"nonResourceURLs": [PATH], "verbs": ["post"]});
    grant(&server, "asks", rule, user("alice")).await;
    let refused = server.alice().post(PATH, &question).await;
    assert_eq!(refused.code, 403);
    assert!(refused.message().contains("cannot * resource \"*\""));
    assert_eq!(server.admin().get(PATH).await.code, 405);
    for nonsense in [
        json!({}),
        json!({"verb": "get"}),
        json!({"verb": "get", "resource": "pods", "path": "/x"}),
        json!({"verb": "get", "resource": "pods", "nope": 1}),
        json!({"verb": "get", "resource": "pods", "name": "web/log"}),
        json!({"verb": "get", "resource": "pods", "namespace": ".."}),
        json!({"verb": "get", "resource": "pods", "subresource": "log/x"}),
        json!({"object": {"apiVersion": "v1", "kind": "Nope"}}),
        json!({"verb": "delete", "object": privileged_pod()}),
        json!({"verb": "get", "resource": "pods", "headers": {"a b": ["x"]}}),
        json!([]),
    ] {
        let answer = server.admin().post(PATH, &nonsense).await;
        assert_eq!(answer.code, 400, "{nonsense}: {answer:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn what_is_not_served_is_not_called_allowed() {
    let server = TestServer::start(&FLAGS).await;
    let answer = async |question: Value| {
        let answer = server.admin().post(PATH, &question).await.json();
        let because = answer["because"][0].as_str().unwrap_or_default().to_owned();
        (answer["answer"]["code"].as_u64().unwrap(), because)
    };
    for verb in ["get", "delete"] {
        let (code, because) =
            answer(json!({"verb": verb, "resource": "nosuch.apps", "name": "a"})).await;
        assert_eq!(code, 404);
        assert_eq!(because, "This server has no resource \"nosuch.apps\".");
    }
    // rights that only authorizers know
    let (code, _) = answer(json!({"verb": "impersonate", "resource": "users", "name": "a"})).await;
    assert_eq!(code, 200);
    // another server may have it
    let service = json!({"metadata": {"name": "v1.example.org"}, "spec": {"group": "example.org",
        "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 10,
        "insecureSkipTLSVerify": true, "service": {"name": "a", "namespace": "b"}}});
    make(
        &server,
        "/apis/apiregistration.k8s.io/v1/apiservices",
        service,
    )
    .await;
    for resource in ["things.example.org", "things.v1.example.org"] {
        let (code, _) = answer(json!({"verb": "get", "resource": resource})).await;
        assert_eq!(code, 200, "{resource}");
    }
    let refused = server
        .admin()
        .post(PATH, &json!({"object": {"kind": "Pod"}}))
        .await;
    assert_eq!(refused.message(), "the object has no apiVersion");
    server.stop().await;
}

#[tokio::test]
async fn every_policy_lists_its_grants_and_violations() {
    let server = TestServer::start(&FLAGS).await;
    make_policy(&server, "default", false).await;
    make_policy(&server, "privileged", true).await;
    let pods = json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]});
    grant(&server, "alice-makes-pods", pods.clone(), user("alice")).await;
    grant(&server, "bob-makes-pods", pods, user("bob")).await;
    let using = |name: &str| {
        json!({
            "apiGroups": ["policy"], "resources": ["podsecuritypolicies"],
            "resourceNames": [name], "verbs": ["use"],
        })
    };
    let all = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:authenticated"});
    grant(&server, "psp-all", using("default"), all).await;
    grant(&server, "psp-bob", using("privileged"), user("bob")).await;

    let pair = STANDARD.encode(format!("bob:{BOBS_PASSWORD}"));
    let bob = json!({"authorization": [format!("Basic {pair}")]});
    for (client, headers, method, code) in [
        (
            server.alice(),
            bearer(ALICES_TOKEN),
            "--token-auth-file",
            403,
        ),
        (server.bob(), bob, "--basic-auth-file", 201),
    ] {
        let question = json!({"headers": headers, "object": privileged_pod()});
        let why = explained(&server.admin(), question).await;
        // The request itself has the explained outcome.
        let happened = client.post(PODS, &privileged_pod()).await;
        assert_eq!(happened.code, code);
        assert_eq!(why["answer"]["code"], code, "{why}");
        if code == 403 {
            assert_eq!(why["answer"]["message"], happened.message());
            assert_eq!(why["answer"]["refusedBy"], "admission: PodSecurityPolicy");
        }
        let asked = why["authentication"]["asked"].as_array().unwrap();
        let identified: Vec<_> = asked
            .iter()
            .filter(|a| a["identified"].is_object())
            .collect();
        assert_eq!(identified[0]["by"], method);

        let steps = why["admission"].as_array().unwrap();
        let account = steps
            .iter()
            .find(|s| s["plugin"] == "ServiceAccount")
            .unwrap();
        let set = json!({"path": "spec.serviceAccountName", "after": "default"});
        assert!(
            account["changes"].as_array().unwrap().contains(&set),
            "{account}"
        );
        let judged = steps.iter().find(|s| s["policies"].is_object()).unwrap();
        let tried = judged["policies"]["tried"].as_array().unwrap();
        let (default, privileged) = (&tried[0], &tried[1]);
        assert_eq!(default["usableBy"], "system:serviceaccount:default:default");
        let binding = &default["through"]["asked"][1]["bindings"][0];
        assert_eq!(
            binding["binding"],
            "ClusterRoleBinding \"psp-all\" of ClusterRole \"psp-all\" to Group \"system:authenticated\""
        );
        assert_eq!(binding["rule"]["resourceNames"], json!(["default"]));
        assert_eq!(
            default["errors"],
            json!([
                "spec.containers[0].securityContext.privileged: Invalid value: true: Privileged containers are not allowed"
            ])
        );
        assert_eq!(
            (&default["accepts"], &privileged["accepts"]),
            (&json!(false), &json!(true))
        );
        let may = privileged["usableBy"].as_str();
        assert_eq!(may, (code == 201).then_some("bob"));
        assert_eq!(privileged["chosen"], code == 201);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_request_that_ends_early_is_explained_that_far() {
    let server = TestServer::start(&FLAGS).await;
    let admin = server.admin();
    let reading = |headers: Value| json!({"headers": headers, "verb": "get", "resource": "po", "name": "p", "namespace": "default"});
    let stranger = explained(&admin, reading(bearer("nobodys-token-77"))).await;
    assert_eq!(stranger["answer"]["refusedBy"], "authentication");
    assert_eq!(stranger["answer"]["code"], 401);
    assert!(stranger["authorization"].is_null());
    assert!(!stranger.to_string().contains("nobodys-token-77"));

    let mut acting = bearer(ALICES_TOKEN);
    acting["impersonate-user"] = json!(["carol"]);
    let acting = explained(&admin, reading(acting)).await;
    assert_eq!(acting["answer"]["refusedBy"], "impersonation");
    assert_eq!(acting["impersonation"]["needs"][0]["allowed"], false);
    assert!(acting["authorization"].is_null());

    let alice = explained(&admin, reading(bearer(ALICES_TOKEN))).await;
    assert_eq!(alice["answer"]["refusedBy"], "authorization");
    assert_eq!(
        alice["request"],
        "get pods \"p\" in the namespace \"default\""
    );
    let happened = server.alice().get(&format!("{PODS}/p")).await.message();
    assert_eq!(alice["answer"]["message"], happened);
    let carol = explained(&admin, reading(json!({"impersonate-user": ["carol"]}))).await;
    assert_eq!(carol["impersonation"]["needs"][0]["allowed"], true);
    assert_eq!(carol["answer"]["code"], 403);

    let health = json!({"headers": bearer(ALICES_TOKEN), "verb": "get", "path": "/healthz"});
    let health = explained(&admin, health).await;
    assert_eq!(health["authorization"]["allowed"], true);

    // A pod that fails validation has passed every plugin that changes it.
    make_policy(&server, "any", true).await;
    let mut pod = privileged_pod();
    pod["spec"]["containers"][0]["name"] = json!("No Name");
    let invalid = explained(&admin, json!({"object": pod})).await;
    assert_eq!(invalid["answer"]["refusedBy"], "validation");
    assert_eq!(invalid["answer"]["code"], 422);
    assert_eq!(
        admin.get(&format!("{PODS}/p")).await.code,
        404,
        "it was a dry run"
    );
    server.stop().await;
}

#[tokio::test]
async fn the_data_of_secrets_is_not_revealed() {
    let server = TestServer::start(&FLAGS).await;
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
        "stringData": {"k": "deep-secret-5c1"},
        "data": {"k2": STANDARD.encode("deep-secret-5c1")},
    });
    let why = explained(&server.admin(), json!({"object": secret})).await;
    assert_eq!(why["answer"]["code"], 201);
    let text = why.to_string();
    assert!(!text.contains("deep-secret-5c1"), "{text}");
    assert!(
        !text.contains(&STANDARD.encode("deep-secret-5c1")),
        "{text}"
    );
    server.stop().await;
}
