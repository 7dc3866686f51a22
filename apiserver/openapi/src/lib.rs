//! The documents about kinds: discovery and `OpenAPI`, made once from the rows of the kind table and kept as
//! bytes.

pub mod discovery;
pub mod document;
pub mod openapi;
