//! The verdicts for a node's pods as an nftables table.
//!
//! A [`Compiler`] follows a [`Cluster`] and keeps the [`Table`] of a node; [`Table::script`] is all of it in
//! one transaction, [`Compiler::changes`] the changes since. A pod that policies isolate has a chain for each
//! direction, found by its addresses in a map; peers are sets of addresses. A chain returns if a rule allows,
//! and ends in the chain `refuse`.
//!
//! Packets are judged at the forward hook, where both addresses are pods' own, and by the addresses of their
//! connection, not their own: the verdict on the first packet applies to all, replies included. So a changed
//! policy ends connections that it no longer allows, without marks or other help.
//!
//! [`Cluster`]: crate::Cluster

mod compile;
mod edit;
mod members;
mod names;
mod rules;
mod table;

pub use compile::Compiler;
pub use table::{Changes, TABLE, Table, removal};
