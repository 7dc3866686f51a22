//! A complete miniature Kubernetes API server.
//!
//! The way of a request is the order of the modules below; docs/ARCHITECTURE.md walks it.

// The command line, and a server put together.
pub mod cli;

pub mod config;

pub mod start;

pub mod kubeconfig;

pub mod pki;

pub mod files;

// Connections and TLS.
pub mod serving;

// What every request passes: who are you, may you, is there room; and what is told of it.
pub mod layers;

pub mod access;

pub mod audit;

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

// Who may talk to whom.
pub mod traffic;

pub mod enforce;

// What is asked of others.
pub mod outbound;

// What goes back.
pub mod response;
