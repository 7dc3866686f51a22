//! From options to a running server.
//!
//! [`assemble`] puts the parts together, [`server`] serves with them. Invalid options are rejected, with a
//! [`StartError`], before anything is written.

pub mod admission_config;
pub mod assemble;
mod audit;
mod authentication_config;
pub mod authorities;
mod authorization;
mod authorization_config;
pub mod background;
pub mod certificates;
pub mod error;
pub mod front_proxies;
mod hooks;
pub mod host;
pub mod identities;
pub mod kubeconfig;
pub mod kubelets;
mod metrics;
pub mod oidc;
pub mod proxy_client;
mod registry;
pub mod server;
pub mod store;
mod token_webhook;
pub mod tokens;
pub mod webhook;

pub use self::error::StartError;
