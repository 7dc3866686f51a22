//! Every field of a policy: `testdata/admission/podsecuritypolicy/*.yaml`.
//!
//! A file is a list of policies, each with pods: the pod that is created (`pod`, `annotations`),
//! and either the pod with defaults (`becomes` and `annotated`, if they change) or the errors with
//! which it is denied (`refused`). Fields that a policy leaves out allow everything or require
//! nothing.

use std::collections::BTreeMap;
use std::path::Path;

use k8s_openapi::api::core::v1::{Pod, PodSpec};
use portcullis_admission::Chain;
use portcullis_admission::podsecuritypolicy::POLICY_ANNOTATION;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{Request, World, from_value};

type Annotations = BTreeMap<String, String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    policy: Value,
    #[serde(default)]
    annotations: Annotations,
    pods: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    what: String,
    pod: Value,
    #[serde(default)]
    annotations: Annotations,
    becomes: Option<Value>,
    annotated: Option<Annotations>,
    #[serde(default)]
    refused: Vec<String>,
}

/// A chain with a single policy.
fn chain(group: &Group) -> Chain {
    let mut spec = json!({
        "fsGroup": {"rule": "RunAsAny"},
        "supplementalGroups": {"rule": "RunAsAny"},
        "runAsUser": {"rule": "RunAsAny"},
        "seLinux": {"rule": "RunAsAny"},
        "volumes": ["*"],
    });
    for (field, value) in group.policy.as_object().unwrap() {
        spec.as_object_mut()
            .unwrap()
            .insert(field.clone(), value.clone());
    }
    let metadata = json!({"name": "one", "annotations": group.annotations});
    let mut world = World::new();
    let policy = from_value(json!({"metadata": metadata, "spec": spec}));
    world.policies.put(&policy);
    assert_eq!(
        world.policies.names(),
        ["one"],
        "unusable: {:?}",
        group.policy
    );
    world.grant("alice", "policy", "one", "default");
    world.chain(&["PodSecurityPolicy"])
}

fn spec(value: &Value) -> PodSpec {
    from_value(value.clone())
}

async fn check(chain: &Chain, case: Case, location: &str) {
    let mut pod = Pod::default();
    pod.metadata.name = Some("p".to_owned());
    pod.metadata.annotations = Some(case.annotations.clone());
    pod.spec = Some(spec(&case.pod));
    match Request::create_pod(pod).send(chain).await {
        Err(denial) => {
            let wanted = format!(
                "pods \"p\" is forbidden: unable to validate against any pod security policy: [{}]",
                case.refused.join(" ")
            );
            assert_eq!(denial.status.message, wanted, "{location}");
        }
        Ok(answer) => {
            assert!(case.refused.is_empty(), "{location}: allowed");
            let pod = answer.object::<Pod>();
            let wanted = spec(case.becomes.as_ref().unwrap_or(&case.pod));
            assert_eq!(pod.spec.unwrap(), wanted, "{location}");
            let mut annotations = case.annotated.unwrap_or(case.annotations);
            annotations.insert(POLICY_ANNOTATION.to_owned(), "one".to_owned());
            assert_eq!(pod.metadata.annotations.unwrap(), annotations, "{location}");
        }
    }
}

#[tokio::test]
async fn every_field_matches_upstream() {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../testdata/admission/podsecuritypolicy"
    );
    let mut cases = 0;
    for entry in Path::new(folder).read_dir().unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let groups: Vec<Group> = serde_saphyr::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for group in groups {
            let chain = chain(&group);
            for case in group.pods {
                let file = path.file_name().unwrap().display();
                let location = format!("{file}: {}: {}", group.policy, case.what);
                check(&chain, case, &location).await;
                cases += 1;
            }
        }
    }
    assert!(cases > 100, "only {cases} cases found");
}
