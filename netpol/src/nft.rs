//! What a node's kernel must do: the judgement as an nftables table.
//!
//! A [`Compiler`] follows a [`Cluster`] and keeps the [`Table`] of a node; [`Table::script`] is all of it in
//! one transaction, [`Compiler::changes`] what has changed since. A pod that policies isolate has a chain for
//! each direction, which its addresses find in a map; peers are sets of addresses. A chain returns where a
//! rule allows, and ends in the chain `refuse`.
//!
//! Packets are judged at the forward hook, where both addresses are pods' own, and by the addresses of
//! their connection, not their own: what is said of the first packet is said of all, also of answers. So a
//! policy that changes ends connections that it no longer allows, without a mark and without help.
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
