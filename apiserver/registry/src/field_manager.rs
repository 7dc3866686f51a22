//! The owners of an object's fields: `metadata.managedFields`, and server-side apply, which needs it.
//!
//! Fields are paths in the JSON of an object; which lists have items of their own and which structs are
//! atomic is in the type metadata of built-in kinds, and in the schemas of custom ones. Nothing here does
//! I/O.
//!
//! Upstream: `k8s.io/apimachinery/pkg/util/managedfields` and `sigs.k8s.io/structured-merge-diff`.

pub mod apply;
mod changes;
mod compare;
mod conflict;
mod created;
mod element;
mod extract;
mod field_set;
mod field_type;
mod last_applied;
pub mod managed;
mod merge;
pub mod overlay;
mod remove;
pub mod scale;
pub mod times;
pub mod tracked;
pub mod update;
mod validate;
mod versions;
