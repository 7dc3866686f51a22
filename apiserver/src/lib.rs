//! Portcullis.

pub mod endpoints;
pub mod registry;
