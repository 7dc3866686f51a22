//! Which requests a bootstrap token permits, and which certificates need an approval.

use http::Method;
use portcullis::cli::token;
use portcullis::config::{Cli, Command};
use serde_json::json;

use super::{
    REQUESTS, TOKEN, TOKENS, bootstrapper, issued, join, make_token, path_of, request, server,
};
use crate::controllers::{eventually, gone};
use crate::support::server::TestServer;

const INFO: &str = "/api/v1/namespaces/kube-public/configmaps/cluster-info";

/// A client without credentials reads the authority to trust, which is signed with the token.
#[tokio::test]
async fn cluster_info_is_signed_with_every_token() {
    let server = server().await;
    let (admin, anonymous) = (server.admin(), server.anonymous());
    let info = eventually(&anonymous, INFO, |answer| answer.code == 200)
        .await
        .json();
    let kubeconfig = info["data"]["kubeconfig"].as_str().unwrap();
    assert!(
        kubeconfig.contains(&format!("server: https://{}", server.address())),
        "{info}"
    );
    assert!(
        kubeconfig.contains("certificate-authority-data: "),
        "{info}"
    );
    make_token(&admin, &[]).await;
    let signature = "jws-kubeconfig-abcdef";
    eventually(&anonymous, INFO, |answer| {
        let signed = answer.json()["data"][signature].as_str().map(str::to_owned);
        signed.is_some_and(|jws| jws.starts_with("eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9.."))
    })
    .await;
    let deleted = admin
        .delete(&format!("{TOKENS}/bootstrap-token-abcdef"))
        .await;
    assert_eq!(deleted.code, 200, "{deleted:?}");
    eventually(&anonymous, INFO, |answer| {
        answer.json()["data"][signature].is_null()
    })
    .await;
    assert_eq!(admin.delete(INFO).await.code, 200);
    eventually(&anonymous, INFO, |answer| answer.code == 200).await;
}

#[tokio::test]
async fn an_expired_token_is_deleted() {
    let server = server().await;
    let admin = server.admin();
    make_token(&admin, &[("expiration", "2024-01-01T00:00:00Z")]).await;
    gone(&admin, &format!("{TOKENS}/bootstrap-token-abcdef")).await;
}

/// A kubelet's serving certificate is signed once it is approved, and never if it is not permitted.
#[tokio::test]
async fn serving_certificates_wait_for_approval() {
    let server = server().await;
    let admin = server.admin();
    make_token(&admin, &[]).await;
    let kubelet = join(&server, "n").await;
    let mut approved = Vec::new();
    for names in [&["n"][..], &[]] {
        let (request, key) = request("n", "kubelet-serving", "server auth", names);
        let made = kubelet.post(REQUESTS, &request).await;
        assert_eq!(made.code, 201, "{made:?}");
        let mut request = made.json();
        let path = path_of(&request);
        request["status"]["conditions"] =
            json!([{"type": "Approved", "status": "True", "reason": "Test", "message": ""}]);
        let answer = admin
            .ask(
                Method::PUT,
                &format!("{path}/approval"),
                request.to_string(),
            )
            .await;
        assert_eq!(answer.code, 200, "{answer:?}");
        approved.push((path, key));
    }
    let (path, key) = &approved[0];
    issued(&kubelet, path, key).await;
    let nameless = eventually(&kubelet, &approved[1].0, |answer| {
        answer.json()["status"]["conditions"][1]["type"] == "Failed"
    })
    .await;
    let condition = &nameless.json()["status"]["conditions"][1];
    assert_eq!(condition["reason"], "SignerValidationFailure");
    assert_eq!(condition["message"], "DNS or IP subjectAltName is required");
}

/// Without the flag, tokens do not authenticate and no information for joining is published.
#[tokio::test]
async fn without_the_flag_no_node_joins() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    make_token(&admin, &[]).await;
    assert_eq!(bootstrapper(&server).get("/api/v1/nodes").await.code, 401);
    let error = command(&server, &["create", "--print-join-command"])
        .await
        .unwrap_err();
    let error = error.to_string();
    assert!(
        error.ends_with("started without --enable-bootstrap-token-auth"),
        "{error}"
    );
    assert_eq!(
        command(&server, &["list"]).await.unwrap().lines().count(),
        2
    );
}

/// The output of `portcullis token`.
async fn command(server: &TestServer, words: &[&str]) -> Result<String, token::TokenError> {
    let kubeconfig = server.data("admin.kubeconfig").display().to_string();
    let all = ["portcullis", "token", "--kubeconfig", &kubeconfig];
    let cli = <Cli as clap::Parser>::try_parse_from(all.iter().chain(words)).unwrap();
    let Command::Token(args) = cli.command else {
        panic!("{words:?} is not about tokens")
    };
    token::run(&args).await
}

#[tokio::test]
async fn tokens_are_made_listed_and_deleted() {
    let server = server().await;
    let admin = server.admin();
    eventually(&admin, INFO, |answer| answer.code == 200).await;
    let authentication =
        "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication";
    eventually(&admin, authentication, |answer| answer.code == 200).await;
    let made = command(
        &server,
        &["create", TOKEN, "--ttl=90m", "--description=a rack"],
    )
    .await;
    assert_eq!(made.unwrap(), format!("{TOKEN}\n"));
    let me = bootstrapper(&server).get("/api/v1/nodes/n").await;
    assert_eq!(
        me.code, 404,
        "it may look whether its name is taken: {me:?}"
    );
    let list = command(&server, &["list"]).await.unwrap();
    let line = list.lines().nth(1).unwrap();
    assert!(line.starts_with(TOKEN) && line.contains("a rack"), "{list}");
    assert!(line.contains("   1h    "), "{list}");
    let again = command(&server, &["create", TOKEN]).await.unwrap_err();
    let why = "secrets \"bootstrap-token-abcdef\" already exists";
    assert_eq!(again.to_string(), why);
    let join = command(&server, &["create", "--print-join-command"])
        .await
        .unwrap();
    assert!(join.contains(&server.address().to_string()), "{join}");
    let deleted = command(&server, &["delete", "abcdef"]).await.unwrap();
    assert_eq!(deleted, "bootstrap token \"abcdef\" deleted\n");
    assert_eq!(bootstrapper(&server).get("/api/v1/nodes/n").await.code, 401);
    let list = command(&server, &["list"]).await.unwrap();
    assert_eq!(
        list.lines().count(),
        2,
        "the one that was printed with the command: {list}"
    );
    for (words, why) in [
        (&["delete", "nope"][..], "neither a token nor the ID"),
        (&["create", "nope"], "is not a token"),
    ] {
        let error = command(&server, words).await.unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}
