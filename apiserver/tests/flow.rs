//! The layers before and around the verbs.

mod answers;
mod healthcheck;
mod limits;
mod logging;
mod memory;
mod metrics;
mod order;
mod restart;
mod silence;
mod unread_bodies;
mod waiting;
