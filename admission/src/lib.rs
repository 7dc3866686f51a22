//! Is what you bring acceptable? Plugins that change or refuse objects, in one chain.
//!
//! Every plugin is repeatable: an update runs the whole chain once per attempt of the store's
//! optimistic retry loop. [`plugins`] is the only list of them; [`lookup`] holds what they ask of
//! the server.

mod amounts;
pub mod attributes;
pub mod chain;
mod claims;
pub mod lookup;
pub mod metrics;
mod operation;
pub mod permissions;
pub mod plugins;
pub mod podsecuritypolicy;
pub mod quota;
pub mod trace;

use async_trait::async_trait;
use portcullis_api::Status;

pub use attributes::{Attributes, AuditAnnotations, Warnings};
pub use chain::Chain;
pub use lookup::Lookups;
pub use operation::Operation;
pub use plugins::Selection;
pub use trace::Trace;

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
