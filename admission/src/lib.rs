//! Admission control: a chain of plugins that mutate and validate the object of a request.
//!
//! Plugins must be idempotent: an update runs the whole chain once per attempt of the store's
//! optimistic retry loop. [`plugins`] is the only list of them; [`lookups`] is what they read from
//! the server.

mod amounts;
pub mod attributes;
pub mod chain;
mod claims;
pub mod configuration;
mod expressions;
pub mod hooks;
pub mod lookup;
pub mod lookups;
mod matching;
pub mod metrics;
mod operation;
pub mod options;
pub mod permissions;
pub mod plugins;
pub mod podsecuritypolicy;
pub mod policies;
mod policy;
pub mod quota;
mod reinvocation;
pub mod trace;
pub mod versions;
mod webhook;

use async_trait::async_trait;
use portcullis_api::Status;

pub use attributes::{Attributes, AuditAnnotations, Warnings, WebhookTimes};
pub use chain::Chain;
pub use configuration::Configuration;
pub use lookups::Lookups;
pub use operation::Operation;
pub use options::RequestOptions;
pub use plugins::Selection;
pub use reinvocation::Reinvocation;
pub use trace::Trace;
pub use versions::Versions;

/// A request denied by a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The name of the plugin.
    pub plugin: &'static str,
    /// The response to the client, usually a 403.
    pub status: Status,
}

/// A plugin that may change objects before they are validated. Its row in [`plugins`] has its name
/// and the operations for which it is called.
#[async_trait]
pub trait MutatingPlugin: Send + Sync + 'static {
    /// Changes `attributes.object`.
    ///
    /// # Errors
    /// A [`Status`] if the request is denied.
    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), Status>;
}

/// A plugin that checks objects in their final form, just before they are stored. Its row in
/// [`plugins`] has its name and the operations for which it is called.
#[async_trait]
pub trait ValidatingPlugin: Send + Sync + 'static {
    /// Checks `attributes.object`.
    ///
    /// # Errors
    /// A [`Status`] if the request is denied.
    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status>;
}
