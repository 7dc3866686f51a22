//! What requests cost: rates, latencies and CPU time of servers that are given the same work in turn.

mod chart;
mod mixed;
mod objects;
mod operations;
mod paths;
mod report;
mod setup;
pub mod spread;
pub mod steady;
mod usage;
mod watchers;

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderValue;
use http::header::{ACCEPT, CONTENT_TYPE};

use self::operations::Operation;
use self::report::{Figures, Report};
use self::setup::Setup;
use self::usage::Usage;
use crate::client::Connection;
use crate::samples::Samples;
use crate::target::Target;

#[derive(clap::Args)]
pub struct Args {
    /// A server, as `NAME=ADDRESS@DATA-DIR,PID[,PID]`: the processes whose CPU time is its cost. The
    /// others' figures are divided by those of the first.
    #[arg(long = "server", required = true)]
    servers: Vec<Measured>,
    /// How long each operation is measured, each time.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// How often the servers take turns.
    #[arg(long, default_value_t = 2)]
    rounds: usize,
    /// Only operations whose names contain this.
    #[arg(long, default_value = "")]
    only: String,
    /// How many connections each operation has, instead of its own number.
    #[arg(long)]
    connections: Option<usize>,
    /// How many watch while objects are made.
    #[arg(long, default_value_t = 200)]
    watchers: usize,
    /// How long the mixed load is measured, at saturation and again at half of that rate.
    #[arg(long, default_value_t = 20)]
    mixed_seconds: u64,
    /// Where the figures are written as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Where the CPU time of requests is drawn, as SVG.
    #[arg(long)]
    svg: Option<PathBuf>,
}

/// A server, and the processes that work for it.
#[derive(Clone, Debug)]
struct Measured {
    name: String,
    target: Target,
    processes: Vec<u32>,
}

impl FromStr for Measured {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, rest) = text.split_once('=').ok_or("not NAME=ADDRESS@DIR,PID")?;
        let mut parts = rest.split(',');
        let target = parts.next().unwrap_or_default().parse()?;
        let processes = parts.map(|pid| pid.parse().map_err(|e| format!("{pid}: {e}")));
        Ok(Self {
            name: name.to_owned(),
            target,
            processes: processes.collect::<Result<_, String>>()?,
        })
    }
}

pub async fn run(args: &Args) {
    let mut report = Report::new(args.servers.iter().map(|server| server.name.clone()));
    let targets: Vec<_> = args.servers.iter().map(|server| &server.target).collect();
    for target in &targets {
        setup::prepare(target).await;
    }
    let wanted = |name: &str| name.contains(&args.only);
    for mut operation in operations::all().into_iter().filter(|o| wanted(o.name)) {
        operation.connections = args.connections.unwrap_or(operation.connections);
        let setup = Setup::make(operation.needs, &targets).await;
        for _ in 0..args.rounds {
            for (at, server) in args.servers.iter().enumerate() {
                let figures = measure(server, operation, args.seconds).await;
                report.add(operation.name, at, figures);
                setup.forget_calls();
            }
        }
        setup.remove(&targets).await;
        report.print_last();
    }
    if wanted(watchers::NAME) {
        for _ in 0..args.rounds {
            for (at, server) in args.servers.iter().enumerate() {
                let figures = watchers::measure(server, args.watchers, args.seconds).await;
                report.add(watchers::NAME, at, figures);
            }
        }
        report.print_last();
    }
    if wanted(mixed::NAME) {
        mixed::measure(args, &mut report).await;
    }
    report.print_memory(args.servers.iter().map(|s| usage::resident(&s.processes)));
    if let Some(path) = &args.json {
        std::fs::write(path, report.as_json().to_string()).unwrap();
    }
    if let Some(path) = &args.svg {
        std::fs::write(path, report.as_svg()).unwrap();
    }
}

/// Sends an operation over its connections for so long.
async fn measure(server: &Measured, operation: Operation, seconds: u64) -> Figures {
    let run: Arc<str> = unique().into();
    let mut connections = server.target.connections(operation.connections).await;
    for connection in &mut connections {
        let headers = &mut connection.headers;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(operation.content));
        headers.insert(ACCEPT, HeaderValue::from_static(operation.accept));
    }
    let workers: Vec<_> = (connections.into_iter())
        .map(|connection| (connection, operation, run.clone()))
        .collect();
    let before = Usage::of(&server.processes);
    let samples = Samples::of(workers, Duration::from_secs(seconds), None, |worker, n| {
        Box::pin(once(worker, n))
    });
    let samples = samples.await;
    let cpu = before.until(&Usage::of(&server.processes));
    let count = samples.count();
    Figures::new(samples, cpu, count)
}

/// A part of names that no other measurement uses, of whatever run.
fn unique() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    format!("{:x}", now.as_nanos())
}

type Worker = (Connection, Operation, Arc<str>);

async fn once((mut connection, operation, run): Worker, n: usize) -> Worker {
    for request in operation.requests(&format!("{run}-{n}")) {
        let answer = connection.ask(request.method, &request.path, request.body);
        let answer = answer.await.unwrap();
        assert!(
            (200..300).contains(&answer.code),
            "{}: {answer:?}",
            request.path
        );
    }
    (connection, operation, run)
}
