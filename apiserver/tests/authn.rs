//! Authentication.

mod anonymous;
mod authorities;
mod cluster_tokens;
mod elsewhere;
mod front_proxies;
mod headers;
mod issuers;
mod keys;
mod large;
mod lifetimes;
mod oidc;
mod reload;
pub mod requests;
mod secrets;
mod token_webhook;
mod tokens;
mod why;
