//! One strategy per kind.

pub mod namespace;
