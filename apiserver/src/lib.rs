//! Portcullis.

pub mod registry;
