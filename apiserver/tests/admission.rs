//! Admission plugins where they need the whole server: its store, its other requests, its restarts.

mod certificates;
mod classes;
mod configuration;
mod metrics;
mod owners;
mod policies;
mod quota;
mod webhooks;
mod why;
