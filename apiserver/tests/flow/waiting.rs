//! A server that is started before its etcd.

use std::fs::{self, File};
use std::time::{Duration, Instant};

use portcullis_storage::etcd_server::EtcdServer;

use crate::support::PATIENCE;
use crate::support::process::Process;
use crate::support::server::directory;

/// It tries several times a second, and says so every few seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_etcd_that_is_not_there_yet_is_waited_for() {
    let mut etcd = EtcdServer::start();
    etcd.kill();
    let dir = directory();
    let (log, data) = (dir.path().join("log"), dir.path().join("data"));
    let file = File::create(&log).unwrap();
    let flag = format!("--etcd-servers={}", etcd.endpoint());
    let starting =
        tokio::task::spawn_blocking(move || Process::start_logging(data, &[&flag], file));
    let waits = || {
        let text = fs::read_to_string(&log).unwrap();
        let lines = text
            .lines()
            .filter(|line| line.contains("waiting for etcd"));
        lines.count()
    };
    let begun = Instant::now();
    while waits() == 0 {
        assert!(begun.elapsed() < PATIENCE, "nothing is said");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(waits(), 1);
    assert!(!starting.is_finished(), "the server is still waiting");
    let _etcd = tokio::task::spawn_blocking(move || {
        etcd.restart();
        etcd
    });
    let server = starting.await.unwrap();
    assert_eq!(server.admin().get("/readyz").await.code, 200);
}
