//! Users who send requests while another user attacks, and note how long they take.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use http::Method;

use crate::support::client::Client;

const PATH: &str = "/api/v1/namespaces/default";
/// How many requests are measured at least, before the attack and meanwhile.
const REQUESTS: usize = 200;
const PAUSE: Duration = Duration::from_millis(5);
/// How long 99 of 100 requests may take at most, besides what the machine's other work costs, which was seen
/// before. They are milliseconds; requests that an attack keeps from being carried out wait for seconds.
const MOST: Duration = Duration::from_secs(2);

/// Requests under way, in a thread of their own: the attacker's work is not measured.
pub struct Others {
    over: Arc<AtomicBool>,
    measured: JoinHandle<Vec<Duration>>,
    before: Duration,
}

impl Others {
    /// Begins after it has been seen how long requests take without an attack.
    pub fn begin(client: Client) -> Self {
        let over = Arc::new(AtomicBool::new(true));
        let before = measure(client.clone(), over.clone()).join().unwrap();
        over.store(false, Ordering::Relaxed);
        Self {
            over: over.clone(),
            measured: measure(client, over),
            before: p99(before),
        }
    }

    /// The attack is over.
    pub fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        let times = self.measured.join().unwrap();
        let (count, before, meanwhile) = (times.len(), self.before, p99(times));
        println!("99 % of {count} requests took {meanwhile:?} at most, {before:?} before");
        assert!(
            meanwhile < MOST + before * 5,
            "{meanwhile:?}, {before:?} before"
        );
    }
}

/// Takes the times of requests until it is over.
fn measure(client: Client, over: Arc<AtomicBool>) -> JoinHandle<Vec<Duration>> {
    std::thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        runtime.block_on(requests(&client, &over))
    })
}

async fn requests(client: &Client, over: &AtomicBool) -> Vec<Duration> {
    let mut connection = client.connect().await.unwrap();
    let mut times = Vec::new();
    while times.len() < REQUESTS || !over.load(Ordering::Relaxed) {
        let begin = Instant::now();
        let response = connection.ask(Method::GET, PATH, "").await.unwrap();
        times.push(begin.elapsed());
        assert_eq!(response.code, 200, "{response:?}");
        tokio::time::sleep(PAUSE).await;
    }
    times
}

fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() * 99 / 100]
}
