//! Tests of a server on a free port of this machine, through TLS and the whole chain.
#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "tests end at the first surprise; nothing here is anybody's API"
)]

mod admission;
mod aggregation;
mod audit;
mod authn;
mod controllers;
mod conversion;
mod custom;
mod drop_in;
mod flow;
mod joining;
mod nodes;
mod rights;
mod support;
mod verbs;
