//! Objects of every kind, by the same steps: the kind table and the strategies behind it.

pub mod kinds;
pub mod resource;
pub mod strategy;
pub mod table;
pub mod validation;
