//! The plugins in a chain, selected by flags as in the server, with lookups in memory.
#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test binary: a panic is a failure, and it is not imported"
)]

mod support;

mod certificates;
mod chain;
mod chapter13;
mod classes;
mod limits;
mod namespaces;
mod nodes;
mod owners;
mod pod_security;
mod pods;
mod policies;
mod policy_fields;
mod quotas;
mod selection;
mod service_accounts;
mod validating_policies;
