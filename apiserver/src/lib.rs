//! A complete miniature Kubernetes API server.
//!
//! The way of a request is the order of the modules below; docs/ARCHITECTURE.md walks it.

// The command line, and a server put together.
pub mod cli;

pub mod config;

pub mod start;

pub mod kubeconfig;

pub mod pki;

// Connections and TLS.
pub mod serving;

// What every request passes: who are you, may you, is there room.
pub mod layers;

pub mod access;

pub mod limits;

pub mod request;

pub mod tokens;

// What is asked for, by path and by verb.
pub mod router;

pub mod endpoints;

pub mod health;

pub mod metrics;

// Why it is answered so.
pub mod explain;

// Objects of every kind: admission, preparation, validation, store.
pub mod registry;

// Who set which field.
pub mod field_manager;

pub mod informer;

pub mod indices;

mod permissions;

pub mod lookups;

pub mod quota;

pub mod escalation;

// What is asked of others.
pub mod outbound;

// What goes back.
pub mod response;

// What runs by itself.
pub mod bootstrap;

pub mod controllers;

pub mod own_service;
