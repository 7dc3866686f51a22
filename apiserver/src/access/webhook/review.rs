//! Reviews sent to the webhook, and its responses.

use std::collections::BTreeMap;

use portcullis_rbac::{Attributes, Decided, Decision, Target};
use serde::{Deserialize, Serialize};

const KIND: &str = "SubjectAccessReview";

/// The version of the reviews.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewVersion {
    /// The current one.
    V1,
    /// The one before it, which calls the groups `group`.
    V1beta1,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Review<'a> {
    kind: &'a str,
    api_version: &'a str,
    metadata: Nothing,
    spec: Spec<'a>,
    status: Unanswered,
}

#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
struct Unanswered {
    allowed: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_attributes: Option<ResourceAttributes<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    non_resource_attributes: Option<PathAttributes<'a>>,
    user: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    groups: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    group: &'a [String],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    extra: &'a BTreeMap<String, Vec<String>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    uid: &'a str,
}

#[derive(Serialize)]
struct ResourceAttributes<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    namespace: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    verb: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    group: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    version: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    resource: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    subresource: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
}

#[derive(Serialize)]
struct PathAttributes<'a> {
    path: &'a str,
    verb: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    kind: String,
    api_version: String,
    #[serde(default)]
    status: Option<Verdict>,
}

/// The webhook's decision.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Verdict {
    pub(super) allowed: bool,
    denied: bool,
    reason: String,
}

impl ReviewVersion {
    const fn api_version(self) -> &'static str {
        match self {
            Self::V1 => "authorization.k8s.io/v1",
            Self::V1beta1 => "authorization.k8s.io/v1beta1",
        }
    }

    /// A review as JSON.
    pub(super) fn question(self, attributes: &Attributes<'_>) -> Result<Vec<u8>, String> {
        let Attributes { user, verb, target } = *attributes;
        let groups = user.groups.as_slice();
        let (groups, group) = match self {
            Self::V1 => (groups, &[][..]),
            Self::V1beta1 => (&[][..], groups),
        };
        let (resource_attributes, non_resource_attributes) = match target {
            Target::Path(path) => (None, Some(PathAttributes { path, verb })),
            Target::Resource(target) => (
                Some(ResourceAttributes {
                    namespace: target.namespace,
                    verb,
                    group: target.group,
                    version: target.version,
                    resource: target.resource,
                    subresource: target.subresource,
                    name: target.name,
                }),
                None,
            ),
        };
        let review = Review {
            kind: KIND,
            api_version: self.api_version(),
            metadata: Nothing {},
            spec: Spec {
                resource_attributes,
                non_resource_attributes,
                user: &user.name,
                groups,
                group,
                extra: &user.extra,
                uid: &user.uid,
            },
            status: Unanswered { allowed: false },
        };
        serde_json::to_vec(&review).map_err(|error| error.to_string())
    }

    /// The decision in a response.
    pub(super) fn verdict(self, answer: &[u8]) -> Result<Verdict, String> {
        let answer: Answer = serde_json::from_slice(answer)
            .map_err(|why| format!("cannot parse the authorization webhook's response: {why}"))?;
        let version = self.api_version();
        if answer.kind != KIND || answer.api_version != version {
            return Err(format!(
                "the authorization webhook's response is {:?} of {:?}, not {KIND} of {version}",
                answer.kind, answer.api_version
            ));
        }
        Ok(answer.status.unwrap_or_default())
    }
}

impl Verdict {
    pub(super) fn decided(self) -> Decided {
        let reason = self.reason;
        let (decision, error) = match (self.denied, self.allowed) {
            (true, true) => (
                Decision::Deny { reason },
                Some("webhook subject access review returned both allow and deny response"),
            ),
            (true, false) => (Decision::Deny { reason }, None),
            (false, true) => (Decision::Allow { reason }, None),
            (false, false) => (Decision::NoOpinion { reason }, None),
        };
        Decided {
            decision,
            error: error.map(str::to_owned),
        }
    }
}

/// How many bytes of a review its client chose.
pub(super) fn chosen_by_client(attributes: &Attributes<'_>) -> usize {
    let target = match attributes.target {
        Target::Path(path) => path.len(),
        Target::Resource(t) => [
            t.namespace,
            t.group,
            t.version,
            t.resource,
            t.subresource,
            t.name,
        ]
        .iter()
        .map(|part| part.len())
        .sum(),
    };
    attributes.verb.len() + target
}
