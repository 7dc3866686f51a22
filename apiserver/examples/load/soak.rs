//! A server that is killed during writes: the acknowledged writes, and the stored ones.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use http::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::client::Connection;
use crate::target::{MAPS, Target, map};

#[derive(clap::Args)]
pub struct WriteArgs {
    #[arg(long)]
    server: Target,
    /// The prefix of names; different in each run.
    #[arg(long)]
    run: String,
    /// The process to be killed.
    #[arg(long, value_parser = process)]
    kill: Pid,
    /// After how many acknowledgements.
    #[arg(long)]
    after: usize,
    #[arg(long, default_value_t = 64)]
    writers: usize,
    /// The file to which acknowledged writes are added.
    #[arg(long)]
    acknowledged: PathBuf,
}

#[derive(clap::Args)]
pub struct CheckArgs {
    #[arg(long)]
    server: Target,
    #[arg(long)]
    acknowledged: PathBuf,
}

/// A process, by its id.
fn process(id: &str) -> Result<Pid, String> {
    let id = id.parse().map_err(|error| format!("{error}"))?;
    Pid::from_raw(id).ok_or_else(|| "the id of no process".to_owned())
}

pub async fn write(args: &WriteArgs) {
    let (acknowledged, mut acknowledgements) = mpsc::unbounded_channel();
    let connections = args.server.connections(args.writers).await;
    let writers = connections
        .into_iter()
        .enumerate()
        .map(|(writer, connection)| {
            let prefix = format!("{}-{writer}", args.run);
            tokio::spawn(create_until_it_breaks(
                connection,
                prefix,
                acknowledged.clone(),
            ))
        });
    let writers: Vec<_> = writers.collect();
    drop(acknowledged);
    let mut lines = Vec::new();
    while let Some(line) = acknowledgements.recv().await {
        lines.push(line);
        if lines.len() == args.after {
            kill_process(args.kill, Signal::KILL).unwrap();
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(lines.len() >= args.after, "the server ended by itself");
    let mut file = OpenOptions::new();
    let mut file = file
        .create(true)
        .append(true)
        .open(&args.acknowledged)
        .unwrap();
    writeln!(file, "{}", lines.join("\n")).unwrap();
}

async fn create_until_it_breaks(
    mut connection: Connection,
    prefix: String,
    acknowledged: mpsc::UnboundedSender<String>,
) {
    for n in 0.. {
        let body = map(&format!("{prefix}-{n}")).to_string();
        let Ok(answer) = connection.ask(Method::POST, MAPS, body).await else {
            return;
        };
        assert_eq!(answer.code, 201, "{answer:?}");
        // The receiver is gone when the run is over.
        let _ = acknowledged.send(identity(&answer.json()));
    }
}

/// The fields of an object that must not change on their own.
fn identity(object: &Value) -> String {
    let field = |name: &str| object["metadata"][name].as_str().unwrap().to_owned();
    format!(
        "{} {} {}",
        field("name"),
        field("uid"),
        field("resourceVersion")
    )
}

pub async fn check(args: &CheckArgs) {
    let list = args.server.admin().get(MAPS).await.json();
    let there: HashMap<_, _> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["metadata"]["name"] != "kube-root-ca.crt")
        .map(|item| (identity(item), item))
        .collect();
    for item in there.values() {
        let name = item["metadata"]["name"].as_str().unwrap();
        assert_eq!(item["data"], map(name)["data"], "{name} is there by halves");
    }
    let acknowledged = fs::read_to_string(&args.acknowledged).unwrap();
    let lost: Vec<_> = acknowledged
        .lines()
        .filter(|line| !there.contains_key(*line))
        .collect();
    assert!(
        lost.is_empty(),
        "{} are lost, such as {}",
        lost.len(),
        lost[0]
    );
    println!(
        "{} acknowledged, {} there",
        acknowledged.lines().count(),
        there.len()
    );
}
