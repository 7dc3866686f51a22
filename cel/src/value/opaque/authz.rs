//! What an expression may ask of a user's permissions, and the trait that answers.

use std::fmt;

/// Answers the checks of expressions, for the user whose request is looked at.
pub trait Authorizer: fmt::Debug + Sync {
    /// Whether the access is allowed.
    fn authorize(&self, attributes: &Attributes) -> Decision;
}

/// What an expression asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Asks for this service account, by namespace and name, in place of the user.
    pub service_account: Option<(String, String)>,
    /// The path of a request for no resource; if it is there, only it and the verb count.
    pub path: Option<String>,
    /// The group of the resource.
    pub group: String,
    /// The resource.
    pub resource: String,
    /// Its subresource.
    pub subresource: String,
    /// The namespace.
    pub namespace: String,
    /// The object.
    pub name: String,
    /// The verb.
    pub verb: String,
    /// Fields that are selected.
    pub field_selector: String,
    /// Labels that are selected.
    pub label_selector: String,
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is allowed.
    pub allowed: bool,
    /// Why.
    pub reason: String,
    /// Why it could not be decided.
    pub error: Option<String>,
}

/// A check as far as it is built.
#[derive(Clone, Debug)]
pub struct Authz<'a> {
    pub(crate) authorizer: &'a dyn Authorizer,
    pub(crate) attributes: Attributes,
    pub(crate) stage: Stage,
}

/// What a check may become next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Authorizer,
    Path,
    Group,
    Resource,
    Decision(Decision),
}

/// The names of the types that a check is of, by its stage.
pub(crate) const AUTHORIZER: &str = "kubernetes.authorization.Authorizer";
pub(crate) const PATH: &str = "kubernetes.authorization.PathCheck";
pub(crate) const GROUP: &str = "kubernetes.authorization.GroupCheck";
pub(crate) const RESOURCE: &str = "kubernetes.authorization.ResourceCheck";
pub(crate) const DECISION: &str = "kubernetes.authorization.Decision";

impl Authz<'_> {
    pub(crate) const fn type_name(&self) -> &'static str {
        match self.stage {
            Stage::Authorizer => AUTHORIZER,
            Stage::Path => PATH,
            Stage::Group => GROUP,
            Stage::Resource => RESOURCE,
            Stage::Decision(_) => DECISION,
        }
    }
}
