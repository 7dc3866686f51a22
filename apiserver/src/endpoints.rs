//! What a request reaches once it may: documents about the API, and the API.

pub mod discovery;
pub mod document;
pub mod openapi;
