//! What the server tells of its kinds: discovery and the `OpenAPI` documents, made once from the rows of
//! the kind table and kept as finished bytes.

pub mod discovery;
pub mod document;
pub mod openapi;
