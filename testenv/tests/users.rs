//! Who an environment knows, and what they may do.

use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{Api, ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use portcullis_testenv::{TestEnv, User};

/// Who a client is, and in which groups.
async fn whoami(client: Client) -> (String, Vec<String>) {
    let reviews: Api<SelfSubjectReview> = Api::all(client);
    let asked = SelfSubjectReview::default();
    let review = reviews.create(&PostParams::default(), &asked).await;
    let user = review.unwrap().status.unwrap().user_info.unwrap();
    (user.username.unwrap(), user.groups.unwrap())
}

/// A client that shows a token, and no certificate.
async fn by_token(user: &User) -> Client {
    let mut config = Kubeconfig::from_yaml(user.kubeconfig()).unwrap();
    let shown = config.auth_infos[0].auth_info.as_mut().unwrap();
    shown.client_certificate_data = None;
    shown.client_key_data = None;
    shown.token = Some(user.token().to_owned().into());
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(config, &options);
    Client::try_from(config.await.unwrap()).unwrap()
}

#[tokio::test]
async fn users_are_whom_their_certificates_and_tokens_name() {
    let env = TestEnv::start().await.unwrap();
    let alice = env.user("alice", &["developers", "testers"]).unwrap();
    let groups = ["developers", "testers", "system:authenticated"];
    let alices = ("alice".to_owned(), groups.map(str::to_owned).to_vec());
    assert_eq!(whoami(alice.client().await.unwrap()).await, alices);
    assert_eq!(whoami(by_token(&alice).await).await, alices);
    let account = env.service_account("default", "robot").await.unwrap();
    let (name, _) = whoami(account.client().await.unwrap()).await;
    assert_eq!(name, "system:serviceaccount:default:robot");
    let again = env.service_account("default", "robot").await.unwrap();
    assert_ne!(again.token(), "");
    let nowhere = env.service_account("nowhere", "robot").await.unwrap_err();
    assert!(nowhere.to_string().contains("nowhere"), "{nowhere}");
}

#[tokio::test]
async fn users_may_do_what_is_decided() {
    let rbac = TestEnv::start().await.unwrap();
    let anything = TestEnv::builder().authorization(&["AlwaysAllow"]);
    let anything = anything.start().await.unwrap();
    for (env, allowed) in [(&rbac, false), (&anything, true)] {
        let user = env.user("alice", &[]).unwrap();
        let namespaces: Api<Namespace> = Api::all(user.client().await.unwrap());
        let listed = namespaces.list(&ListParams::default()).await;
        assert_eq!(listed.is_ok(), allowed, "{listed:?}");
    }
    let admin: Api<ConfigMap> = Api::default_namespaced(rbac.client().await.unwrap());
    admin.list(&ListParams::default()).await.unwrap();
    let path = rbac.user("alice", &[]).unwrap().kubeconfig_path().unwrap();
    assert!(std::fs::read_to_string(path).unwrap().contains("alice"));
}
