//! Requests of this program to other servers: HTTPS clients, other API servers, webhooks, health checks,
//! kubelets, pods and services.

pub mod aggregated;
pub mod backends;
pub mod backoff;
pub mod conversion_webhooks;
pub mod headers;
pub mod healthcheck;
pub mod https;
pub mod identity;
pub mod kubelet;
pub mod reviews;
pub mod services;
pub mod stand_in;
pub mod upgrade;
pub mod url;
pub mod webhook_client;
pub mod webhooks;
