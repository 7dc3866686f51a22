//! Is what you bring acceptable? Plugins that change or refuse objects, in one chain.
//!
//! Every plugin is repeatable: an update runs the whole chain once per attempt of the store's
//! optimistic retry loop.

use std::collections::BTreeMap;

use async_trait::async_trait;
use portcullis_api::{GroupKind, GroupResource, Object, Status, UserInfo};

/// What is being done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It is deleted.
    Delete,
    /// A connection to it is opened, such as `pods/exec`.
    Connect,
}

/// A request as plugins see it.
#[derive(Debug)]
pub struct Attributes<'a> {
    /// What is being done.
    pub operation: Operation,
    /// The kind of the object in the request.
    pub kind: GroupKind<'a>,
    /// The resource of the request.
    pub resource: GroupResource<'a>,
    /// Such as `status`; mostly empty.
    pub subresource: &'a str,
    /// The object's namespace, empty for cluster-scoped kinds.
    pub namespace: &'a str,
    /// The object's name; empty while it is to be generated.
    pub name: &'a str,
    /// Who asks.
    pub user: &'a UserInfo,
    /// Whether nothing will be stored.
    pub dry_run: bool,
    /// The object as it shall become; `None` for deletions.
    pub object: Option<Box<dyn Object>>,
    /// The object as it is; `None` for creations.
    pub old_object: Option<&'a dyn Object>,
    /// What plugins note for the audit log, by `plugin/key`.
    pub audit_annotations: BTreeMap<String, String>,
}

/// A plugin's no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which plugin said so.
    pub plugin: &'static str,
    /// What the client is told; mostly a 403.
    pub status: Status,
}

/// A plugin that may change objects, before they are validated.
#[async_trait]
pub trait MutatingPlugin: Send + Sync + 'static {
    /// The name in `--enable-admission-plugins`.
    fn name(&self) -> &'static str;
    /// Whether the plugin looks at this operation at all.
    fn handles(&self, operation: Operation) -> bool;
    /// Changes `attributes.object`.
    ///
    /// # Errors
    /// A [`Status`] if the request must not go on.
    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), Status>;
}

/// A plugin that may refuse objects, last before they are stored.
#[async_trait]
pub trait ValidatingPlugin: Send + Sync + 'static {
    /// The name in `--enable-admission-plugins`.
    fn name(&self) -> &'static str;
    /// Whether the plugin looks at this operation at all.
    fn handles(&self, operation: Operation) -> bool;
    /// Judges `attributes.object`.
    ///
    /// # Errors
    /// A [`Status`] if the request must not go on.
    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status>;
}
