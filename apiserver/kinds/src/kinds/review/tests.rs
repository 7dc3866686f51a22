use serde_json::json;

use super::*;
use crate::kinds::testing::mistakes;

#[test]
fn a_review_has_one_question_and_a_user() {
    let resource = json!({"verb": "get", "resource": "pods"});
    for (review, texts) in [
        (
            json!({"spec": {"user": "u", "resourceAttributes": resource}}),
            vec![],
        ),
        (
            json!({"spec": {"groups": ["g"], "nonResourceAttributes": {"path": "/"}}}),
            vec![],
        ),
        (
            json!({"spec": {"user": "u"}}),
            vec![
                "spec.resourceAttributes: Invalid value: \"null\": exactly one of nonResourceAttributes or resourceAttributes must be specified",
            ],
        ),
        (
            json!({"metadata": {"name": "n"}, "spec": {
                "resourceAttributes": resource, "nonResourceAttributes": {"path": "/", "verb": "get"}}}),
            vec![
                "spec.nonResourceAttributes: Invalid value: authorization.NonResourceAttributes{Path:\"/\", Verb:\"get\"}: cannot be specified in combination with resourceAttributes",
                "spec.user: Invalid value: \"\": at least one of user or group must be specified",
                "metadata: Invalid value: \"n\": must be empty",
            ],
        ),
    ] {
        assert_eq!(
            mistakes(&SubjectAccessReviewStrategy, &review),
            texts,
            "{review}"
        );
    }
}

#[test]
fn a_local_review_is_for_its_namespace() {
    let review = json!({
        "metadata": {"namespace": "a"},
        "spec": {"user": "u", "resourceAttributes": {"namespace": "b"}},
    });
    assert_eq!(
        mistakes(&LocalSubjectAccessReviewStrategy, &review),
        ["spec.resourceAttributes.namespace: Invalid value: \"b\": must match metadata.namespace"]
    );
}
