//! Structural schemas of custom resources: validation of a `CustomResourceDefinition`, and of its
//! objects.
//!
//! The crate has no I/O, no async code, and does not depend on the server. A definition is
//! [defaulted](default_definition), [prepared](prepare_definition) and
//! [validated](validate_definition); the schema of each of its versions is compiled once
//! ([`Schema::compile`]) into an arena of nodes that all requests for that version share. When an
//! object is written, it is
//!
//! 1. defaulted ([`Schema::default`]),
//! 2. pruned ([`Schema::prune`]; `fieldValidation` warns of the dropped fields or rejects them),
//! 3. stripped of `null`s that are not allowed ([`Schema::drop_nulls`]),
//! 4. coerced, as to the metadata of embedded resources ([`Schema::coerce`]),
//! 5. after mutating admission, defaulted again and validated ([`Schema::validate`],
//!    [`Schema::validate_update`], [`validate_scale`], [`Schema::validate_embedded`],
//!    [`Schema::validate_lists`], in this order),
//! 6. validated by its CEL rules ([`Schema::validate_rules`]), unless errors that were found until
//!    then make that pointless ([`Findings::blocks_rules`]).
//!
//! When an object is read, steps 2, 3, 4 and then 1 apply.
//!
//! The rules are compiled when the definition is validated, where their errors and costs are
//! reported, and again when the first object of a version is written.
//!
//! # Upstream
//!
//! Behaviour and messages are those of `k8s.io/apiextensions-apiserver` and `k8s.io/kube-openapi` of
//! Kubernetes 1.24, and of 1.37 for newer features (ratcheting, selectable fields, formats of names).
//! Releases before 1.22 left the index out of paths into lists (`spec.list` for `spec.list[1]`), and
//! some builds treated an empty string as null; this crate does neither.

mod arena;
mod column;
mod compile;
mod correlate;
mod default;
mod definition;
mod embedded;
mod field_path;
mod format;
mod jsonpath;
mod list_type;
mod location;
mod merge;
pub mod openapi;
mod pattern;
mod program;
mod prune;
mod rules;
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
pub use rules::not_checked as rules_not_checked;
pub use scale::{SimplePath, WrongType, validate_scale};
pub use selectable::SelectableField;
pub use validate::{Findings, Options};
