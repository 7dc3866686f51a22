//! What this program asks of others: HTTPS clients, other API servers, webhooks, health checks, kubelets.

pub mod aggregated;
pub mod conversion_webhooks;
pub mod healthcheck;
pub mod https;
pub mod kubelet;
pub mod services;
pub mod stand_in;
pub mod url;
pub mod webhook_client;
pub mod webhooks;
