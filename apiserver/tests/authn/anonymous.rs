//! A request without credentials is anonymous, or refused.

use crate::support::client::Client;
use crate::support::server::TestServer;

/// Requests without credentials that the server reads: none at all, or in an unknown form.
fn showing_nothing(server: &TestServer) -> Vec<(&'static str, Client)> {
    let anonymous = server.anonymous();
    let mut clients = vec![("nothing", anonymous.clone())];
    for header in [
        "",
        "Bearer",
        "Bearer  two-spaces",
        "Basic",
        "Basic !!!",
        "Basic bm9jb2xvbg==",
        "Negotiate x",
        "garbage",
    ] {
        clients.push((header, anonymous.clone().header("authorization", header)));
    }
    let socket = anonymous
        .clone()
        .over_http1()
        .header("connection", "upgrade");
    let socket = socket.header("upgrade", "websocket");
    let offering = |protocols: &str| socket.clone().header("sec-websocket-protocol", protocols);
    clients.push(("a websocket", socket.clone()));
    clients.push(("a websocket's protocol", offering("v4.channel.k8s.io")));
    let empty = "v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.";
    clients.push(("an empty token on a websocket", offering(empty)));
    let proxied = anonymous.header("x-remote-user", "root");
    clients.push((
        "a proxy's headers",
        proxied.header("x-remote-group", "system:masters"),
    ));
    clients
}

#[tokio::test]
async fn a_request_without_credentials_is_anonymous() {
    let server = TestServer::start(&[]).await;
    for (what, client) in showing_nothing(&server) {
        for client in [client.clone(), client.over_http1()] {
            assert_eq!(client.get("/version").await.code, 200, "{what}");
            let refused = client.get("/api/v1/pods").await;
            assert_eq!(refused.code, 403, "{what}");
            assert!(
                refused
                    .message()
                    .contains("User \"system:anonymous\" cannot"),
                "{what}: {}",
                refused.message()
            );
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn anonymous_requests_are_refused_unless_enabled() {
    let server = TestServer::start(&["--anonymous-auth=false"]).await;
    for (what, client) in showing_nothing(&server) {
        for path in ["/version", "/healthz", "/api/v1/pods", "/nope"] {
            let refused = client.get(path).await;
            let said = (refused.code, refused.message());
            assert_eq!(said, (401, "Unauthorized".to_owned()), "{what}");
        }
    }
    assert_eq!(server.alice().get("/version").await.code, 200);
    server.stop().await;
}
