//! What must be there for the requests.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::objects::{definition, map, pod, policy, widget};
use super::paths::{CROWD, LIST, MAPS, NAMESPACE, WIDGETS};
use crate::client::Client;
use crate::many;
use crate::target::Target;
use crate::webhook::Webhook;

/// How many pods are in the two collections that are listed.
pub const LISTED: usize = 500;
const CROWDED: usize = 5_000;
/// How many policies there are at the most.
const POLICIES: usize = 300;
const OTHER_WEBHOOKS: usize = 100;

const POLICY_PATH: &str = "/apis/policy/v1beta1/podsecuritypolicies";
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const CONFIGURATIONS: &str =
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

/// What an operation needs besides what all need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    /// A namespace of 5,000 pods, which stays.
    Crowd,
    /// 300 policies, of which the last one fits.
    Policies,
    /// 100 webhooks that do not match.
    OtherWebhooks,
    /// One that does.
    Webhook,
}

/// Makes what all operations need.
pub async fn prepare(target: &Target) {
    let post = |path: &'static str, body: String| async move {
        until_done(target, Method::POST, path, &body).await;
    };
    for name in [NAMESPACE, "listed", "crowd"] {
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        post("/api/v1/namespaces", namespace.to_string()).await;
    }
    post(POLICY_PATH, policy("z-any", &json!({"rule": "RunAsAny"}))).await;
    post(MAPS, map("patched", "x")).await;
    post(DEFINITIONS, definition()).await;
    post(WIDGETS, widget("first")).await;
    make_pods(target, LIST, "listed", LISTED).await;
}

/// Makes pods, each labelled with its number, unless they are there already.
async fn make_pods(target: &Target, path: &'static str, prefix: &'static str, count: usize) {
    // the first one waits until policies and namespace are in force
    let body = |n: usize| {
        let mut body: Value = serde_json::from_str(&pod(&format!("{prefix}-{n}"))).unwrap();
        body["metadata"]["labels"]["n"] = n.to_string().into();
        body.to_string()
    };
    until_done(target, Method::POST, path, &body(0)).await;
    many::make(target, path, 1..count, body).await;
}

/// What was made for one operation, on all servers.
pub struct Setup {
    needs: Needs,
    /// Answers while it is kept.
    webhook: Option<Webhook>,
}

impl Setup {
    pub async fn make(needs: Needs, targets: &[&Target]) -> Self {
        let webhook = match needs {
            Needs::Webhook => Some(Webhook::allowing().await),
            _ => None,
        };
        let setup = Self { needs, webhook };
        for target in targets {
            setup.make_on(target).await;
        }
        setup
    }

    async fn make_on(&self, target: &Target) {
        let only_user_1 = json!({"rule": "MustRunAs", "ranges": [{"min": 1, "max": 1}]});
        match self.needs {
            Needs::Nothing => {}
            Needs::Crowd => make_pods(target, CROWD, "crowd", CROWDED).await,
            Needs::Policies => {
                for n in 1..POLICIES {
                    let body = policy(&format!("a-{n:03}"), &only_user_1);
                    until_done(target, Method::POST, POLICY_PATH, &body).await;
                }
            }
            Needs::OtherWebhooks => {
                let nowhere = json!({"url": "https://127.0.0.1:1/"});
                let hooks = (0..OTHER_WEBHOOKS).map(|n| webhook(n, "secrets", &nowhere));
                configure(target, hooks.collect()).await;
            }
            Needs::Webhook => {
                let config = self.webhook.as_ref().unwrap().config("/");
                configure(target, vec![webhook(0, "configmaps", &config)]).await;
            }
        }
        // caches follow
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    /// Removes what other operations must not meet.
    pub async fn remove(self, targets: &[&Target]) {
        for target in targets {
            let admin = target.admin();
            match self.needs {
                Needs::Nothing | Needs::Crowd => {}
                Needs::Policies => {
                    for n in 1..POLICIES {
                        delete(&admin, &format!("{POLICY_PATH}/a-{n:03}")).await;
                    }
                }
                Needs::OtherWebhooks | Needs::Webhook => {
                    delete(&admin, &format!("{CONFIGURATIONS}/bench")).await;
                }
            }
        }
    }

    /// Forgets the calls of webhooks so far.
    pub fn forget_calls(&self) {
        if let Some(webhook) = &self.webhook {
            assert!(!webhook.calls().is_empty(), "the webhook was not called");
        }
    }
}

fn webhook(number: usize, resource: &str, config: &Value) -> Value {
    json!({"name": format!("hook-{number}.example.com"), "clientConfig": config,
        "sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": 10,
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
            "resources": [resource]}]})
}

async fn configure(target: &Target, webhooks: Vec<Value>) {
    let configuration = json!({"apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration", "metadata": {"name": "bench"},
        "webhooks": webhooks});
    let body = configuration.to_string();
    until_done(target, Method::POST, CONFIGURATIONS, &body).await;
}

async fn delete(admin: &Client, path: &str) {
    let answer = admin.delete(path).await;
    assert_eq!(answer.code, 200, "{path}: {answer:?}");
}

/// Sends one request of a client, until it succeeds or a minute is over: what it needs may only come about.
async fn until_done(target: &Target, method: Method, path: &str, body: &str) {
    let client = target.admin();
    for _ in 0..120 {
        let answer = client.ask(method.clone(), path, body.to_owned()).await;
        // it may be left over from another run
        if answer.code < 300 || answer.code == 409 && answer.message().contains("already exists") {
            return;
        }
        assert!(
            answer.code != 400 && answer.code != 422,
            "{path}: {answer:?}"
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("{method} {path} did not succeed");
}
