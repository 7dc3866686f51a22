//! Why is a request answered as it is? The question and the answer of `POST /explain`.
//!
//! A question is answered by the code that decides: the same authenticators, authorizers and
//! plugins, asked with a trace (`authn::Trace`, `rbac::Authorizer::trace`, `admission::Trace`), the
//! last ones in a dry run. Nothing decides twice, so an explanation cannot disagree with the answer.

pub mod admission;
pub mod answer;
pub mod authorization;
pub mod caller;
pub mod cli;
pub mod consulted;
pub mod diff;
pub mod endpoint;
pub mod explainer;
pub mod manifest;
pub mod target;
pub mod text;

use std::collections::BTreeMap;

use k8s_openapi::api::rbac::v1::PolicyRule;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::consulted::Consulted;
use self::diff::Difference;

/// Where questions are posted.
pub const PATH: &str = "/explain";

/// A request somebody wants explained. It holds credentials: no `Debug`.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Question {
    /// The request's headers that say who makes it: `authorization`, `impersonate-user` and the
    /// like. Without credentials here or in `certificates` it is the asker who makes it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Vec<String>>,
    /// The client certificates of its connection, as PEM, its own first.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub certificates: String,
    /// Such as `create`; with an object `create` or `update`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub verb: String,
    /// Any name of a resource, such as `pods`, `po`, `pod` or `deployments.apps`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource: String,
    /// Such as `status`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subresource: String,
    /// The namespace; empty for all, and for cluster-scoped resources.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The object's name; empty for collections.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// A path outside the resources, such as `/healthz`, instead of them.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The object that would be written, for a dry run; it names its own resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<Value>,
    /// Whether webhooks are called that support dry runs.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub call_webhooks: bool,
}

/// What becomes of a request, and why. What it would not come to is left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Such as `create pods "web" in the namespace "default"`.
    pub request: String,
    /// What the client is told.
    pub answer: Answer,
    /// The sentences that matter most.
    pub because: Vec<String>,
    /// Who are you?
    pub authentication: Authentication,
    /// May you act as somebody else?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impersonation: Option<Impersonation>,
    /// May you?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Authorization>,
    /// Is what you bring acceptable? What each plugin did, in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admission: Option<Vec<PluginStep>>,
}

/// The end of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The HTTP status code.
    pub code: u16,
    /// Which stage ended it; nothing if none objected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_by: Option<String>,
    /// The message of the Status.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// Somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The name.
    pub name: String,
    /// A stable id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// The groups.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Further facts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, Vec<String>>,
}

/// Who the request is taken to come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Authentication {
    /// Who was asked about the credentials, in order; nobody, if it is the asker's own request.
    pub asked: Vec<AuthenticatorStep>,
    /// Who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
}

/// One authenticator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticatorStep {
    /// Its name, such as `--basic-auth-file`.
    pub by: String,
    /// Whom it identified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identified: Option<User>,
    /// Why the credentials prove nothing to it. If neither, they are of no kind it reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// Acting as somebody else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Impersonation {
    /// As whom.
    pub user: User,
    /// What that takes.
    pub needs: Vec<Authorization>,
}

/// A decision of the authorizers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Authorization {
    /// What was asked for.
    pub question: String,
    /// Whether it is allowed.
    pub allowed: bool,
    /// Who was asked, in order; the last one decided.
    pub asked: Vec<AuthorizerStep>,
}

/// One authorizer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizerStep {
    /// Such as `RBAC`.
    pub by: String,
    /// `allow`, `deny` or `noOpinion`.
    pub decision: Decision,
    /// Why; mostly empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What went wrong; mostly empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error: String,
    /// How it came to this; mostly empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// The bindings that are for the user, in the order of looking at them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bindings: Vec<Binding>,
}

/// What an authorizer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Decision {
    /// Yes.
    Allow,
    /// No, whatever others say.
    Deny,
    /// Others may know.
    NoOpinion,
}

/// A binding that is for the user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Binding {
    /// Such as `ClusterRoleBinding "a" of ClusterRole "b" to User "c"`.
    pub binding: String,
    /// The rule that allows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<PolicyRule>,
    /// How many rules do not allow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_rules: Option<usize>,
    /// Why nobody knows its role's rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What one plugin did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginStep {
    /// Such as `PodSecurityPolicy`.
    pub plugin: String,
    /// In which half of the chain.
    pub phase: Phase,
    /// What it changed of the object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Difference>,
    /// Its no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// The pod against all policies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<Policies>,
    /// The webhooks, or the policies in CEL, that it considered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consulted: Vec<Consulted>,
}

/// Which half of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// Plugins may change the object.
    Mutate,
    /// Plugins judge what is to be stored.
    Validate,
}

/// A pod against all pod security policies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policies {
    /// Whose right to use a policy counts.
    pub asked: Vec<String>,
    /// Each policy's verdict.
    pub tried: Vec<Policy>,
}

/// A pod against one policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// The policy's name.
    pub name: String,
    /// Whose right it is to use it, if anybody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usable_by: Option<String>,
    /// Why they may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<Authorization>,
    /// Whether it accepts the pod.
    pub accepts: bool,
    /// What it does not allow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
    /// Whether it would fill in something.
    pub fills_in: bool,
    /// Whether the pod gets in by it.
    pub chosen: bool,
}
