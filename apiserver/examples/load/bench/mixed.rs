//! A mix of requests, while many watch: at saturation, and at half of that rate.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use serde_json::json;

use super::objects::pod;
use super::paths::{LIST, PODS};
use super::report::{Figures, Report};
use super::setup::LISTED;
use super::usage::Usage;
use super::watchers::Watching;
use super::{Args, Measured, unique};
use crate::client::Connection;
use crate::samples::Samples;

pub const NAME: &str = "mixed load, saturated";
const HALF: &str = "mixed load, half the rate";
pub const CONNECTIONS: usize = 32;

/// Measures all servers in turn: first how much they bear, then half of it.
pub async fn measure(args: &Args, report: &mut Report) {
    let mut rates = Vec::new();
    for (at, server) in args.servers.iter().enumerate() {
        let (figures, rate) = load(server, args, None).await;
        rates.push(rate / 2.0);
        report.add(NAME, at, figures);
    }
    report.print_last();
    for (at, (server, rate)) in args.servers.iter().zip(rates).enumerate() {
        let (figures, _) = load(server, args, Some(rate)).await;
        report.add(HALF, at, figures);
    }
    report.print_last();
}

/// The figures, and how many requests there were in a second.
async fn load(server: &Measured, args: &Args, rate: Option<f64>) -> (Figures, f64) {
    let watching = Watching::start(&server.target, args.watchers, LIST).await;
    let connections = server.target.connections(CONNECTIONS).await;
    let run = Run {
        name: unique(),
        deletes: false,
    };
    let workers = connections.into_iter().map(|c| (c, run.clone())).collect();
    let before = Usage::of(&server.processes);
    let time = Duration::from_secs(args.mixed_seconds);
    let samples = Samples::of(workers, time, rate, |worker, n| Box::pin(once(worker, n))).await;
    let cpu = before.until(&Usage::of(&server.processes));
    assert!(watching.seen() > 0, "no event was seen");
    let (count, rate) = (samples.count(), samples.per_second());
    (Figures::new(samples, cpu, count), rate)
}

type Worker = (Connection, Run);

/// One run of the mix.
#[derive(Clone)]
pub struct Run {
    /// What distinguishes its pods from those of others.
    pub name: String,
    /// Whether each pod that is made is deleted at once.
    pub deletes: bool,
}

/// Of 20 requests, 14 read a pod, 3 list the 500 pods, 2 patch one of them, which is what is watched, and 1 makes a
/// pod elsewhere, so that the list keeps its length.
pub async fn once((mut connection, run): Worker, n: usize) -> Worker {
    let at = n % LISTED;
    let one = format!("{LIST}/listed-{at}");
    let (method, path, body) = match mixed(n) % 20 {
        0..14 => (Method::GET, one, String::new()),
        14..17 => (Method::GET, LIST.to_owned(), String::new()),
        17..19 => {
            let patch = json!({"metadata": {"annotations": {"n": format!("{}-{n}", run.name)}}});
            (Method::PATCH, one, patch.to_string())
        }
        _ => (
            Method::POST,
            PODS.to_owned(),
            pod(&format!("mixed-{}-{n}", run.name)),
        ),
    };
    let content = match method {
        Method::PATCH => "application/merge-patch+json",
        _ => "application/json",
    };
    let headers = &mut connection.headers;
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content));
    let is_made = method == Method::POST;
    let answer = connection.ask(method, &path, body).await.unwrap();
    assert!((200..300).contains(&answer.code), "{path}: {answer:?}");
    if is_made && run.deletes {
        let path = format!("{PODS}/mixed-{}-{n}?gracePeriodSeconds=0", run.name);
        let answer = connection.ask(Method::DELETE, &path, String::new()).await;
        assert_eq!(answer.unwrap().code, 200, "{path}");
    }
    (connection, run)
}

/// A number that has no pattern, and is the same in each run.
const fn mixed(n: usize) -> u64 {
    (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}
