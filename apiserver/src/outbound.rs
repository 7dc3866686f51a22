//! What this program asks of others: HTTPS clients, webhooks, health checks, kubelets.

pub mod conversion_webhooks;
pub mod healthcheck;
pub mod https;
pub mod kubelet;
pub mod services;
pub mod url;
pub mod webhook_client;
pub mod webhooks;
