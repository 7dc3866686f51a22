//! The effects of controllers, as clients see them.

mod bad_objects;
mod components;
mod election;
mod garbage;
pub mod hindered;
mod others;
mod servers;
mod services;

use std::time::{Duration, Instant};

use crate::support::PATIENCE;
use crate::support::client::{Answer, Client};

/// Asks again until the answer is as wanted.
pub async fn eventually(client: &Client, path: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = client.get(path).await;
        if wanted(&answer) {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "{path} stays {answer:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until an object is gone.
pub async fn gone(client: &Client, path: &str) {
    eventually(client, path, |answer| answer.code == 404).await;
}
