//! Structural schemas of custom resources: what a `CustomResourceDefinition` may say, and what that
//! makes of its objects.
//!
//! The crate is pure: no I/O, no async, no HTTP, nothing of the server. A definition is
//! [defaulted](default_definition), [prepared](prepare_definition) and
//! [validated](validate_definition); the schema of each of its versions is compiled once
//! ([`Schema::compile`]) into an arena of nodes that is shared by all who write or read objects of
//! that version. In the order of a write, an object is
//!
//! 1. given its defaults ([`Schema::default`]),
//! 2. pruned ([`Schema::prune`]; what is dropped is what `fieldValidation` warns of or refuses),
//! 3. freed of the `null`s that nothing allows ([`Schema::drop_nulls`]),
//! 4. given proper metadata in embedded resources ([`Schema::coerce`]),
//! 5. after mutating admission defaulted again, and validated ([`Schema::validate`],
//!    [`Schema::validate_update`], [`validate_scale`], [`Schema::validate_embedded`],
//!    [`Schema::validate_lists`], in this order).
//!
//! An object that is read goes through 2, 3, 4 and then 1.
//!
//! CEL rules are kept with their nodes ([`NodeRef::rules`]) and not run here: the component that compiles
//! them keeps the programs by [`NodeRef::number`], and runs them after step 5 unless
//! [`Findings::blocks_rules`] says that a mistake came first.
//!
//! # Where behaviour and texts come from
//!
//! They are those of `k8s.io/apiextensions-apiserver` and `k8s.io/kube-openapi` as of Kubernetes 1.24, and of
//! 1.37 for what is newer (ratcheting, selectable fields, formats of names). Releases before 1.22 left
//! the index out of paths into lists (`spec.list` for `spec.list[1]`) and took an empty string for
//! null in some builds; this crate does neither.

mod arena;
mod column;
mod compile;
mod default;
mod definition;
mod embedded;
mod format;
mod jsonpath;
mod list_type;
mod merge;
pub mod openapi;
mod pattern;
mod place;
mod prune;
mod scale;
mod selectable;
mod validate;
mod value;

#[cfg(test)]
mod testing;

pub use arena::{NodeRef, Rule, Schema};
pub use column::{Cell, Column};
pub use compile::{CompileError, DEPTH_MAX, NODES_MAX};
pub use default::TooManyDefaults;
pub use definition::{
    default_definition, prepare_definition, validate_definition, validate_definition_status,
};
pub use embedded::{CheckMetadata, Malformed};
pub use format::Format;
pub use jsonpath::{JsonPath, ParseError};
pub use merge::Topology;
pub use pattern::{PatternError, check as check_pattern};
pub use scale::{SimplePath, WrongType, validate_scale};
pub use selectable::SelectableField;
pub use validate::{Findings, Options};
