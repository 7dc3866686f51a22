//! Objects of every kind, by the same steps: the verbs above the store.
//!
//! The order of a write is fixed here, as upstream's `pkg/registry/rest` fixes it: mutating
//! admission, prepare, validate, validating admission, store. What differs between kinds is asked
//! of their rows (`portcullis_kinds`).

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

// What is stored, and what is derived from it.
pub mod codec;
pub mod conversion;
pub mod facts;
pub mod head;
pub mod metadata;

// Who set which field.
pub mod field_manager;

// What services are given.
pub mod ranges;
pub mod repair;

// What admission and authorization look up.
pub mod indices;
pub mod informer;
pub mod lookups;
pub mod params;
pub mod permissions;
pub mod policies;
pub mod quota;
pub mod webhooks;
pub mod work_queues;

// Nobody grants more than they have.
pub mod escalation;
pub mod param_access;

pub use self::guard::Guard;
pub use self::registry::Registry;
pub use self::scope::{Place, Scope};
pub use self::warnings::WarningList;
