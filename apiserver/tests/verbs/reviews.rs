//! Reviews: objects that are answered, not stored.

use serde_json::{Value, json};

use crate::support::client::{Answer, Client};
use crate::support::server::TestServer;

const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews?fieldManager=m";

async fn review(client: &Client, form: &str) -> Answer {
    let accept = match form {
        "" => "application/json".to_owned(),
        form => format!("application/json;as={form};v=v1;g=meta.k8s.io"),
    };
    let spec = json!({"resourceAttributes": {"verb": "get", "resource": "pods"}});
    let client = client.clone().header("accept", &accept);
    client.post(REVIEWS, &json!({"spec": spec})).await
}

#[tokio::test]
async fn their_fields_have_owners() {
    let server = TestServer::start(&[]).await;
    let review = review(&server.admin(), "").await.json();
    let fields = &review["metadata"]["managedFields"][0];
    assert_eq!(fields["manager"], "m");
    let owned =
        json!({"f:spec": {"f:resourceAttributes": {".": {}, "f:resource": {}, "f:verb": {}}}});
    assert_eq!(fields["fieldsV1"], owned);
    assert_eq!(review["status"]["allowed"], true);
    assert_eq!(review["metadata"]["resourceVersion"], Value::Null);
    let rules = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    let spec = json!({"spec": {"namespace": "default"}});
    let rules = server.admin().post(rules, &spec).await.json();
    assert_eq!(rules["metadata"]["managedFields"], Value::Null);
}

#[tokio::test]
async fn they_have_metadata_but_no_columns() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let partial = review(&admin, "PartialObjectMetadata").await;
    assert_eq!(partial.code, 201);
    assert_eq!(partial.json()["kind"], "PartialObjectMetadata");
    assert_eq!(partial.json().get("spec"), None);
    let list = review(&admin, "PartialObjectMetadataList").await;
    let why = "you requested PartialObjectMetadataList, but the requested object is not a list (*authorization.SelfSubjectAccessReview)";
    assert_eq!((list.code, list.message().as_str()), (406, why));
    assert_eq!(review(&admin, "Table").await.code, 406);
}
