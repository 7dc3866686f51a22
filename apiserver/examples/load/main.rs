//! Load on running servers, and figures about them: what `make bench` and `make soak` use. It neither
//! starts nor stops anything; `testdata/bench.sh` and `testdata/soak.sh` do.
//!
//! `cargo run --release -p portcullis --example load -- help`
#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a tool for ourselves ends at the first surprise; nothing here is anybody's API"
)]

use clap::{Parser, Subcommand};

mod bench;
#[allow(dead_code, reason = "tests use the rest of it")]
#[path = "../../tests/support/client.rs"]
mod client;
mod fill;
#[allow(dead_code, reason = "tests use the rest of it")]
#[path = "../../tests/support/https_server.rs"]
mod https_server;
mod many;
mod reads;
mod samples;
mod soak;
mod target;
#[allow(dead_code, reason = "tests use the rest of it")]
#[path = "../../tests/support/webhook.rs"]
mod webhook;
mod writes;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// What requests cost: the same ones for each of several servers in turn.
    Bench(bench::Args),
    /// Creates through a server on etcd, and the same transactions on that etcd without it.
    Writes(writes::Args),
    /// GETs of one object from two servers in turn, and how many of them shared a read of etcd.
    Gets(reads::GetArgs),
    /// Lists of one collection, one after the other, and how long GETs take meanwhile.
    Lists(reads::ListArgs),
    /// Copies of an object, written into the embedded store of a server that does not run.
    Fill(fill::Args),
    /// Objects of any kind, made through a server.
    Many(many::Args),
    /// A mix of requests for many minutes, and the server's memory.
    Steady(bench::steady::Args),
    /// How long an event takes to reach the watchers of several servers.
    Spread(bench::spread::Args),
    /// Creates until the server is killed; keeps a list of what was acknowledged.
    SoakWrite(soak::WriteArgs),
    /// Whether everything on that list is there, and nothing by halves.
    SoakCheck(soak::CheckArgs),
}

#[tokio::main]
async fn main() {
    match Cli::parse().command {
        Command::Bench(args) => bench::run(&args).await,
        Command::Writes(args) => writes::run(&args).await,
        Command::Gets(args) => reads::gets(&args).await,
        Command::Lists(args) => reads::lists(&args).await,
        Command::Fill(args) => fill::run(&args).await,
        Command::Many(args) => many::run(&args).await,
        Command::Steady(args) => bench::steady::run(&args).await,
        Command::Spread(args) => bench::spread::run(&args).await,
        Command::SoakWrite(args) => soak::write(&args).await,
        Command::SoakCheck(args) => soak::check(&args).await,
    }
}
