//! A mix of requests for many minutes, and how much memory the server has meanwhile.

use std::time::Duration;

use super::mixed::{self, Run};
use super::paths::LIST;
use super::watchers::Watching;
use super::{Measured, setup, unique, usage};
use crate::samples::Samples;

#[derive(clap::Args)]
pub struct Args {
    #[arg(long)]
    server: Measured,
    #[arg(long, default_value_t = 10)]
    minutes: u32,
    /// How many requests a second; as many as the server bears without.
    #[arg(long)]
    rate: Option<f64>,
    #[arg(long, default_value_t = 200)]
    watchers: usize,
}

/// The mixed load, which deletes the pods that it makes: what is stored does not grow.
pub async fn run(args: &Args) {
    let server = &args.server;
    setup::prepare(&server.target).await;
    for minute in 1..=args.minutes {
        let watching = Watching::start(&server.target, args.watchers, LIST).await;
        let connections = server.target.connections(mixed::CONNECTIONS).await;
        let run = Run {
            name: unique(),
            deletes: true,
        };
        let workers = connections.into_iter().map(|c| (c, run.clone())).collect();
        let samples = Samples::of(workers, Duration::from_secs(60), args.rate, |worker, n| {
            Box::pin(mixed::once(worker, n))
        });
        let mut samples = samples.await;
        assert!(watching.seen() > 0, "no event was seen");
        let memory = usage::resident(&server.processes) as f64 / 1024.0;
        println!("minute {minute}: {memory:.1} MiB, {}", samples.line());
    }
}
