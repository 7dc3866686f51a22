//! Environments as test suites use them.
#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first surprise, with its place"
)]

mod definitions;
mod lifecycle;
mod users;
