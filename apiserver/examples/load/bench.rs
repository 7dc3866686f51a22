//! What requests cost: rates, latencies and CPU time of servers that are given the same work in turn.

mod operations;
mod report;
mod usage;
mod watchers;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method};

use self::operations::Operation;
use self::report::{Figures, Report};
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
    /// How many watch while objects are made.
    #[arg(long, default_value_t = 200)]
    watchers: usize,
    /// Where the figures are written as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
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
    for server in &args.servers {
        operations::prepare(&server.target).await;
    }
    let wanted = |name: &str| name.contains(&args.only);
    for operation in operations::all().into_iter().filter(|o| wanted(o.name)) {
        for server in &args.servers {
            operations::before(operation.name, &server.target).await;
        }
        for round in 0..args.rounds {
            for (at, server) in args.servers.iter().enumerate() {
                let figures = measure(server, operation, round, args.seconds).await;
                report.add(operation.name, at, figures);
            }
        }
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
    report.print_memory(args.servers.iter().map(|s| usage::resident(&s.processes)));
    if let Some(path) = &args.json {
        std::fs::write(path, report.as_json().to_string()).unwrap();
    }
}

/// Sends an operation over its connections for so long.
async fn measure(server: &Measured, operation: Operation, round: usize, seconds: u64) -> Figures {
    let mut connections = server.target.connections(operation.connections).await;
    for connection in &mut connections {
        let headers = &mut connection.headers;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(operation.content));
        headers.insert(ACCEPT, HeaderValue::from_static(operation.accept));
    }
    let workers: Vec<_> = (connections.into_iter())
        .map(|connection| (connection, operation, round))
        .collect();
    let before = Usage::of(&server.processes);
    let samples = Samples::of(workers, Duration::from_secs(seconds), |worker, n| {
        Box::pin(once(worker, n))
    });
    let samples = samples.await;
    let cpu = before.until(&Usage::of(&server.processes));
    let count = samples.count();
    Figures::new(samples, cpu, count)
}

type Worker = (Connection, Operation, usize);

async fn once((mut connection, operation, round): Worker, n: usize) -> Worker {
    let name = format!("{round}-{n}");
    let (path, body) = operation.request(&name);
    let answer = connection.ask(operation.method(), &path, body);
    let answer = answer.await.unwrap();
    assert!((200..300).contains(&answer.code), "{path}: {answer:?}");
    (connection, operation, round)
}

/// Sends one request of a client, until it succeeds or a minute is over: what it needs may only come about.
async fn until_done(target: &Target, method: Method, path: &str, body: &str) {
    let client = target.admin();
    for _ in 0..120 {
        let answer = client.ask(method.clone(), path, body.to_owned()).await;
        // it may be left over from another run
        if answer.code < 300 || answer.code == 409 && answer.message().contains("already exists") {
            return;
        }
        assert!(
            answer.code != 400 && answer.code != 422,
            "{path}: {answer:?}"
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("{method} {path} did not succeed");
}
