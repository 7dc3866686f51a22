//! Admission policies and their bindings, compiled when they change, and found by the resources that
//! they are about.

pub(crate) mod compiled;
pub(crate) mod index;
pub(crate) mod matches;

pub use self::index::ValidatingPolicies;
