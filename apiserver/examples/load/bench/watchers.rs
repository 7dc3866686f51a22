//! Watches: what an event costs for each that watches.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::Method;
use http_body_util::BodyExt;
use tokio::task::JoinHandle;

use super::objects::pod;
use super::paths::PODS;
use super::report::Figures;
use super::usage::Usage;
use super::{Measured, unique};
use crate::samples::Samples;
use crate::target::Target;

pub const NAME: &str = "watch event and watcher";
/// Events come one after the other, so that none waits for another.
const PAUSE: Duration = Duration::from_millis(10);

/// Makes pods while so many watch, each on a connection of its own; what making them takes is
/// measured first, without any, and subtracted.
pub async fn measure(server: &Measured, watchers: usize, seconds: u64) -> Figures {
    let (_, alone, made) = create(server, seconds).await;
    let per_create = alone.as_secs_f64() / made.max(1) as f64;
    let watching = Watching::start(&server.target, watchers, PODS).await;
    let (samples, cpu, made) = create(server, seconds).await;
    let (all, begun) = (made * watchers, Instant::now());
    while watching.seen() < all && begun.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(PAUSE).await;
    }
    let seen = watching.seen();
    assert_eq!(seen, all, "events seen, of those that were to be seen");
    let creates = Duration::from_secs_f64(per_create * made as f64);
    Figures::new(samples, cpu.saturating_sub(creates), all)
}

/// Watchers of a collection from now on, each on a connection of its own, until this is dropped.
pub struct Watching {
    seen: Arc<AtomicUsize>,
    tasks: Vec<JoinHandle<()>>,
}

impl Watching {
    pub async fn start(target: &Target, watchers: usize, path: &str) -> Self {
        let seen = Arc::new(AtomicUsize::new(0));
        let revision = target.admin().get(&format!("{path}?limit=1")).await;
        let revision = revision.json()["metadata"]["resourceVersion"].clone();
        let watch = format!(
            "{path}?watch=true&resourceVersion={}",
            revision.as_str().unwrap()
        );
        let mut tasks = Vec::new();
        let admin = target.admin();
        for _ in 0..watchers {
            // a server does not wait for the request of a connection for long
            let mut connection = admin.connect().await.unwrap();
            let answer = connection.send(Method::GET, &watch, "").await.unwrap();
            assert_eq!(answer.status(), 200, "{watch}");
            let (mut body, seen) = (answer.into_body(), seen.clone());
            tasks.push(tokio::spawn(async move {
                let _open = connection;
                while let Some(frame) = body.frame().await {
                    let frame = frame.expect("the rest of a watch");
                    let lines = frame.data_ref().map_or(0, |data| lines_in(data));
                    seen.fetch_add(lines, Ordering::Relaxed);
                }
                eprintln!("a watch has ended");
            }));
        }
        Self { seen, tasks }
    }

    /// How many events all of them have seen.
    pub fn seen(&self) -> usize {
        self.seen.load(Ordering::Relaxed)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// How many lines, and so events, end in a frame.
fn lines_in(data: &[u8]) -> usize {
    data.iter().filter(|byte| **byte == b'\n').count()
}

/// Makes pods one after the other. The CPU time includes what is done for watchers afterwards.
async fn create(server: &Measured, seconds: u64) -> (Samples, Duration, usize) {
    let connections = server.target.connections(1).await;
    let before = Usage::of(&server.processes);
    let begun = unique();
    let workers = connections
        .into_iter()
        .map(|c| (c, begun.clone()))
        .collect();
    let samples = Samples::of(
        workers,
        Duration::from_secs(seconds),
        None,
        |(mut c, begun), n| {
            Box::pin(async move {
                let body = pod(&format!("watched-{begun}-{n}"));
                let answer = c.ask(Method::POST, PODS, body).await.unwrap();
                assert_eq!(answer.code, 201, "{answer:?}");
                tokio::time::sleep(PAUSE).await;
                (c, begun)
            })
        },
    );
    let samples = samples.await;
    tokio::time::sleep(PAUSE * 20).await;
    let count = samples.count();
    (samples, before.until(&Usage::of(&server.processes)), count)
}
