//! Auditing.

mod annotations;
mod events;
mod levels;
mod log;
mod refusals;
mod webhook;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::PATIENCE;
use crate::support::server::{TestServer, directory};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// A server that writes its audit log to a file in its directory.
struct AuditedServer {
    server: TestServer,
    log: PathBuf,
}

impl AuditedServer {
    /// Starts a server with a policy of these rules.
    async fn start(rules: &Value) -> Self {
        Self::start_with(&json!({"rules": rules}), &[]).await
    }

    /// Starts a server with a policy of these fields, and more flags.
    async fn start_with(policy: &Value, flags: &[&str]) -> Self {
        let dir = directory();
        let log = dir.path().join("audit.log");
        let mut all = vec![policy_flag(&dir, policy)];
        all.push(format!("--audit-log-path={}", log.display()));
        let all: Vec<_> = all.iter().map(String::as_str).collect();
        let flags = [&all[..], flags].concat();
        Self {
            server: TestServer::start_in(dir, &flags).await,
            log,
        }
    }

    /// The events so far.
    fn events(&self) -> Vec<Value> {
        events(&self.log)
    }

    /// The events of the request with an id.
    fn of(&self, id: &str) -> Vec<Value> {
        let mut events = self.events();
        events.retain(|event| event["auditID"] == id);
        events
    }

    /// Stops the server, and returns all events of the request with an id.
    async fn stop(self, id: &str) -> Vec<Value> {
        let dir = self.server.stop().await;
        let mut events = events(&self.log);
        events.retain(|event| event["auditID"] == id);
        drop(dir);
        events
    }
}

/// Writes a policy of these fields; returns the flag that names it.
fn policy_flag(dir: &TempDir, policy: &Value) -> String {
    let mut document = json!({"apiVersion": "audit.k8s.io/v1", "kind": "Policy"});
    let fields = policy.as_object().unwrap().clone();
    document.as_object_mut().unwrap().extend(fields);
    let path = dir.path().join("policy.yaml");
    fs::write(&path, document.to_string()).unwrap();
    format!("--audit-policy-file={}", path.display())
}

fn events(log: &Path) -> Vec<Value> {
    let text = fs::read_to_string(log).unwrap();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The stages of events.
fn stages(events: &[Value]) -> Vec<&str> {
    let stages = events.iter().map(|event| event["stage"].as_str().unwrap());
    stages.collect()
}

/// Waits until a condition is true.
async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < PATIENCE, "not yet: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn map(name: &str) -> Value {
    json!({"metadata": {"name": name}, "data": {"k": "v"}})
}
