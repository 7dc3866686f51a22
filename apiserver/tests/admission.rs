//! Admission plugins with the whole server: its store, concurrent requests and restarts.

mod certificates;
mod classes;
mod configuration;
mod metrics;
mod owners;
mod policies;
mod quota;
mod webhooks;
mod why;
