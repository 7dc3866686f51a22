//! Admission policies and their bindings, compiled when they change, and found by the resources in their
//! rules.

pub(crate) mod base;
pub(crate) mod binding;
pub(crate) mod compiled;
mod feed;
pub(crate) mod index;
pub(crate) mod matches;
pub(crate) mod mutating;

pub use self::feed::{MutatingPolicies, Policies, ValidatingPolicies};
