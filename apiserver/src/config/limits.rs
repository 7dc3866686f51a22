//! How many requests at the same time, and for how long.

use std::time::Duration;

use clap::Args;

use super::duration;

/// Options about requests in flight; cluster admins do not count. Watches and streams have permits of their
/// own.
#[derive(Debug, Args)]
pub struct RequestLimits {
    /// How many requests that change nothing are carried out at the same time; 0 for no limit.
    #[arg(long, default_value_t = 400)]
    pub max_requests_inflight: u32,
    /// How many requests that change something are carried out at the same time; 0 for no limit.
    #[arg(long, default_value_t = 200)]
    pub max_mutating_requests_inflight: u32,
    /// How long a request may take, such as `1m0s`; 0 for no limit.
    #[arg(long, default_value = "1m0s", value_parser = duration)]
    pub request_timeout: Duration,
}
