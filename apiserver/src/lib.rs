//! A complete miniature Kubernetes API server.
//!
//! The way of a request is the order of the modules below; docs/ARCHITECTURE.md walks it.

// The command line, and a server put together.
pub mod config;

pub mod logging;

pub mod commands;

pub mod startup;

pub mod kubeconfig;

pub mod healthcheck;

pub mod https;

pub mod app;

pub mod store;

pub mod bootstrap;

pub mod server;

// Connections, TLS, health.
pub mod serving;

// Who are you, may you.
pub mod filters;

pub mod identities;

pub mod oidc;

pub mod tokens;

pub mod authorities;

pub mod request_info;

pub mod files;

// What is asked for, by verb.
pub mod endpoints;

// Why it is answered so.
pub mod explain;

pub mod why;

// Objects of every kind: admission, preparation, validation, store.
pub mod registry;

// Who set which field.
pub mod field_manager;

pub mod informer;

pub mod indices;

mod permissions;

pub mod lookups;

pub mod quota;

pub mod metrics;

pub mod escalation;

// What runs elsewhere.
pub mod kubelet;

// What goes back.
pub mod response;

// What runs by itself.
pub mod controllers;

pub mod own_service;
