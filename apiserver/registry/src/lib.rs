//! Objects of every kind, by the same steps: the verbs above the store.
//!
//! The order of a write is fixed here, as in upstream's `pkg/registry/rest`: mutating admission, prepare,
//! validate, validating admission, store. The differences between kinds are in their rows
//! (`portcullis_kinds`).

mod guard;
mod registry;
mod scope;
mod versions;
mod warnings;

pub mod api_services;
pub mod catalogues;
pub mod connection;
pub mod definitions;
pub mod errors;

// The verbs.
pub mod collection;
pub mod create;
pub mod current;
pub mod delete;
pub mod update;
pub mod watch;

// Stored objects, and the data derived from them.
pub mod codec;
pub mod conversion;
pub mod facts;
pub mod head;
pub mod metadata;
pub mod owners;

// Ownership of fields.
pub mod field_manager;

// Addresses and ports of services.
pub mod ranges;
pub mod repair;

// Look-ups of admission and authorization.
pub mod indices;
pub mod informer;
pub mod lookups;
pub mod params;
pub mod permissions;
pub mod policies;
pub mod quota;
pub mod webhooks;
pub mod work_queues;

// Guards against privilege escalation.
pub mod escalation;
pub mod param_access;

pub use self::guard::Guard;
pub use self::registry::Registry;
pub use self::scope::{Place, Scope};
pub use self::warnings::WarningList;
