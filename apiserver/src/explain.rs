//! Why a request is answered as it is: request and response of `POST /explain`.
//!
//! The explanation comes from the code that serves requests: the same authenticators, authorizers and
//! plugins, called with a trace (`authn::Trace`, `rbac::Authorizer::trace`, `admission::Trace`), the plugins
//! in a dry run. There is no second implementation that could disagree.

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

/// The path of explanations.
pub const PATH: &str = "/explain";

/// A request to be explained. It contains credentials: no `Debug`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Question {
    /// The request's headers that identify its user: `authorization`, `impersonate-user` and the like.
    /// Without credentials here or in `certificates` the user is the caller.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Vec<String>>,
    /// The client certificates of its connection, as PEM, its own first.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub certificates: String,
    /// The verb, such as `create`; with an object `create` or `update`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub verb: String,
    /// Any name of a resource, such as `pods`, `po`, `pod` or `deployments.apps`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource: String,
    /// The subresource, such as `status`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subresource: String,
    /// The namespace; empty for all, and for cluster-scoped resources.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The object's name; empty for collections.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// A path outside the resources, such as `/healthz`, instead of a resource.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The object that would be written, for a dry run; it names its own resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<Value>,
    /// Whether webhooks are called that support dry runs: for an object, or for a deletion.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub call_webhooks: bool,
}

/// The result of a request, and the reasons. Stages that it would not reach are left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The request, such as `create pods "web" in the namespace "default"`.
    pub request: String,
    /// The response to the client.
    pub answer: Answer,
    /// The sentences that matter most.
    pub because: Vec<String>,
    /// How the caller is authenticated.
    pub authentication: Authentication,
    /// Whether the caller may impersonate another user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impersonation: Option<Impersonation>,
    /// Whether the user may make the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Authorization>,
    /// The changes and the decision of each plugin, in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admission: Option<Vec<PluginStep>>,
}

/// The result of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The HTTP status code.
    pub code: u16,
    /// The stage that ended it; `None` if no stage did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_by: Option<String>,
    /// The message of the Status.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// A user.
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
    /// Extra fields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, Vec<String>>,
}

/// How the user was identified.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Authentication {
    /// The authenticators that were called, in order; none if it is the caller's own request.
    pub asked: Vec<AuthenticatorStep>,
    /// The user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
}

/// One authenticator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticatorStep {
    /// Its name, such as `--basic-auth-file`.
    pub by: String,
    /// The user it identified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identified: Option<User>,
    /// Why it rejected the credentials. If neither is set, there are no credentials of its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// Impersonation of another user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Impersonation {
    /// The impersonated user.
    pub user: User,
    /// The permissions that it needs.
    pub needs: Vec<Authorization>,
}

/// A decision of the authorizers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Authorization {
    /// The permission in question.
    pub question: String,
    /// Whether it is allowed.
    pub allowed: bool,
    /// The authorizers that were called, in order; the last one decided.
    pub asked: Vec<AuthorizerStep>,
}

/// One authorizer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizerStep {
    /// Its name, such as `RBAC`.
    pub by: String,
    /// `allow`, `deny` or `noOpinion`.
    pub decision: Decision,
    /// The reason; mostly empty.
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

/// An authorizer's decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Decision {
    /// Yes.
    Allow,
    /// No, regardless of the others.
    Deny,
    /// Left to the other authorizers.
    NoOpinion,
}

/// A binding whose subjects include the user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Binding {
    /// Its description, such as `ClusterRoleBinding "a" of ClusterRole "b" to User "c"`.
    pub binding: String,
    /// The rule that allows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<PolicyRule>,
    /// How many rules do not allow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_rules: Option<usize>,
    /// Why the rules of its role are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The result of one plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginStep {
    /// Its name, such as `PodSecurityPolicy`.
    pub plugin: String,
    /// The phase it ran in.
    pub phase: Phase,
    /// Its changes of the object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Difference>,
    /// Its error, if it denied the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// The pod's result for all policies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<Policies>,
    /// The webhooks, or the policies in CEL, that it considered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consulted: Vec<Consulted>,
}

/// The phases of admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// Plugins may change the object.
    Mutate,
    /// Plugins validate the object that is to be stored.
    Validate,
}

/// A pod's result for all pod security policies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policies {
    /// The users whose permission to use a policy counts.
    pub asked: Vec<String>,
    /// The result of each policy.
    pub tried: Vec<Policy>,
}

/// A pod's result for one policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// The policy's name.
    pub name: String,
    /// The user who may use it, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usable_by: Option<String>,
    /// Why that user may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<Authorization>,
    /// Whether it accepts the pod.
    pub accepts: bool,
    /// Its errors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
    /// Whether it would fill in fields.
    pub fills_in: bool,
    /// Whether the pod was admitted by it.
    pub chosen: bool,
}
