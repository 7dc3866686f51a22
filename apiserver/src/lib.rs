//! A complete miniature Kubernetes API server.
//!
//! A request passes `serving`, `layers`, `router` and `endpoints`, then the crates `portcullis_registry`
//! (apiserver/registry, which runs `portcullis_admission`) and `portcullis_storage`, and back through `response`
//! and `serving`. The modules below are in about that order; docs/ARCHITECTURE.md follows one request through
//! all of them.

// The command line, and assembling a server.
pub mod cli;

pub mod config;

pub mod start;

pub mod kubeconfig;

pub mod pki;

pub mod files;

// Connections and TLS.
pub mod serving;

// The layers of every request: authentication, authorization, limits, audit.
pub mod layers;

pub mod access;

pub mod audit;

pub mod limits;

pub mod request;

pub mod tokens;

// The routes and the verbs.
pub mod router;

pub mod endpoints;

pub mod health;

pub mod program;

pub mod metrics;

// Explanations of responses.
pub mod explain;

// Which pods may connect to which.
pub mod traffic;

pub mod enforce;

// Requests to other servers.
pub mod outbound;

// Responses.
pub mod response;
