//! The Common Expression Language as Kubernetes uses it.
//!
//! For the rules of custom resources (`x-kubernetes-validations`), match conditions of webhooks and
//! admission policies: a parser, a type checker, estimated and actual costs, and the functions of
//! Kubernetes, each available from the version that introduced it upstream. The crate has no I/O
//! and does not depend on the server. Expressions and data are untrusted: nothing panics, recursion
//! is limited, and an evaluation ends when its budget is exhausted.
//!
//! ```
//! use portcullis_cel::{Activation, Environment, SchemaRoot, decl_type};
//! use serde_json::json;
//!
//! let schema = json!({"type": "object", "properties": {"replicas": {"type": "integer"}}});
//! let decl = decl_type(&schema, SchemaRoot::Part, "object").expect("a structural schema");
//! let env = Environment::new(37).with_variable("self", decl);
//!
//! let program = env.compile_condition("self.replicas <= 5").expect("a rule");
//! let data = json!({"replicas": 3});
//! let activation = Activation::new().with("self", &data);
//! let outcome = program.evaluate(&activation, 1_000_000);
//! assert_eq!(outcome.result.ok().and_then(|value| value.as_bool()), Some(true));
//!
//! let error = env.compile("self.z == 1").unwrap_err();
//! assert_eq!(error.to_string(), "ERROR: <input>:1:5: undefined field 'z'\n | self.z == 1\n | ....^");
//! ```
#![cfg_attr(
    not(test),
    allow(
        clippy::cast_possible_truncation,
        reason = "sizes and lengths are limited by those of the data"
    )
)]

mod activation;
mod admission;
mod ast;
mod check;
mod checked;
mod compare;
mod composition;
mod cost;
mod decl;
mod env;
mod error;
mod eval;
mod lexer;
mod library;
mod meter;
mod parser;
mod price;
mod program;
mod scope;
mod source;
mod types;
mod value;
mod words;

#[cfg(test)]
mod golden;

pub use activation::Activation;
pub use composition::{Composition, Spent, Variables};
pub use cost::CostEstimate;
pub use decl::{DeclType, ListType, ObjectType, SchemaRoot, decl_type, escape, unescape};
pub use env::Environment;
pub use error::EvalError;
pub use meter::{Limits, WORK_PER_COST};
pub use program::{Outcome, Program};
pub use source::{CompileError, Issue};
pub use types::Type;
pub use value::opaque::authz::{Attributes, Authorizer, Decision};
pub use value::{Duration, Text, Timestamp, Value, to_json, to_patch};
pub use words::is_identifier;
