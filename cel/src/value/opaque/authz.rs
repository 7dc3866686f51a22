//! Authorization checks of expressions.

use std::fmt;

/// Authorizes the checks of expressions, for the user of the request.
pub trait Authorizer: fmt::Debug + Sync {
    /// Whether the access is allowed.
    fn authorize(&self, attributes: &Attributes) -> Decision;
}

/// The attributes of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// The service account to check in place of the user, by namespace and name.
    pub service_account: Option<(String, String)>,
    /// The path of a non-resource request; if it is set, only it and the verb count.
    pub path: Option<String>,
    /// The group of the resource.
    pub group: String,
    /// The resource.
    pub resource: String,
    /// Its subresource.
    pub subresource: String,
    /// The namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// The verb.
    pub verb: String,
    /// The field selector.
    pub field_selector: String,
    /// The label selector.
    pub label_selector: String,
}

/// The result of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is allowed.
    pub allowed: bool,
    /// The reason.
    pub reason: String,
    /// The error, if it could not be decided.
    pub error: Option<String>,
}

/// A check that is being built.
#[derive(Clone, Debug)]
pub struct Authz<'a> {
    pub(crate) authorizer: &'a dyn Authorizer,
    pub(crate) attributes: Attributes,
    pub(crate) stage: Stage,
}

/// The stage of a check, which determines the functions that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Authorizer,
    Path,
    Group,
    Resource,
    Decision(Decision),
}

/// The names of the types of a check, by stage.
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
