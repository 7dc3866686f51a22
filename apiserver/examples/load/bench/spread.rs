//! Watchers of several servers of one cluster: how long an event takes to reach all of them.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::Method;
use http::header::CONTENT_TYPE;
use serde_json::json;

use super::paths::LIST;
use super::usage::Usage;
use super::watchers::Watching;
use super::{Measured, setup, unique};
use crate::samples::Samples;

const PATIENCE: Duration = Duration::from_secs(60);

#[derive(clap::Args)]
pub struct Args {
    /// A server, as for `bench`; writes go to the first.
    #[arg(long = "server", required = true)]
    servers: Vec<Measured>,
    /// How many watch, on all servers together, each on a connection of its own.
    #[arg(long, default_value_t = 10_000)]
    watchers: usize,
    #[arg(long, default_value_t = 30)]
    events: usize,
}

/// One event after the other, each of which all watchers see.
pub async fn run(args: &Args) {
    let first = &args.servers[0];
    setup::prepare(&first.target).await;
    let each = (args.watchers / args.servers.len()).max(1);
    let watching = args.servers.iter();
    let watching = watching.map(|server| Watching::start(&server.target, each, LIST));
    let watching = join_all(watching).await;
    let path = format!("{LIST}/listed-0");
    let mut connection = first.target.admin().connect().await.unwrap();
    let headers = &mut connection.headers;
    headers.insert(
        CONTENT_TYPE,
        "application/merge-patch+json".parse().unwrap(),
    );
    let before: Vec<_> = args
        .servers
        .iter()
        .map(|s| Usage::of(&s.processes))
        .collect();
    let (mut half, mut all) = (Samples::default(), Samples::default());
    for event in 1..=args.events {
        let seen = || watching.iter().map(Watching::seen).sum::<usize>();
        let begun = Instant::now();
        let patch = json!({"metadata": {"annotations": {"n": unique()}}});
        let answer = connection
            .ask(Method::PATCH, &path, patch.to_string())
            .await;
        assert_eq!(answer.unwrap().code, 200);
        let due = event * each * args.servers.len();
        let missing = |share: usize| due - each * args.servers.len() / share;
        until(seen, missing(2)).await;
        half.push(begun.elapsed());
        until(seen, due).await;
        all.push(begun.elapsed());
    }
    println!(
        "{} watchers of {} servers, {} events",
        each * args.servers.len(),
        args.servers.len(),
        args.events
    );
    println!(
        "seen by half of them: p50 {:.1} ms, p99 {:.1} ms",
        half.quantile(0.5),
        half.quantile(0.99)
    );
    println!(
        "seen by all of them:  p50 {:.1} ms, p99 {:.1} ms",
        all.quantile(0.5),
        all.quantile(0.99)
    );
    for (server, before) in args.servers.iter().zip(before) {
        let cpu = before.until(&Usage::of(&server.processes));
        let each = cpu.as_secs_f64() * 1e6 / (args.events * each) as f64;
        println!("{}: {each:.1} µs of CPU an event and watcher", server.name);
    }
}

/// Waits until so many events have been seen.
async fn until(seen: impl Fn() -> usize, due: usize) {
    let begun = Instant::now();
    while seen() < due {
        let missing = due - seen();
        assert!(
            begun.elapsed() < PATIENCE,
            "{missing} events have not been seen"
        );
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
}
