//! The log file.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use super::{AuditedServer, MAPS, policy_flag, stages, until};
use crate::support::process::Process;
use crate::support::server::{TestServer, directory};

/// The files of a directory whose names begin with a prefix, the earliest first.
fn files(dir: &Path, prefix: &str) -> Vec<std::path::PathBuf> {
    let files = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    let is_one = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with(prefix)
    };
    let mut files: Vec<_> = files.filter(is_one).collect();
    files.sort();
    files
}

#[tokio::test]
async fn a_full_log_is_rotated_and_loses_nothing() {
    let flags = [
        "--audit-log-maxsize=1",
        "--audit-log-maxbackup=2",
        "--audit-log-compress",
    ];
    let policy = json!({"rules": [
        {"level": "Request", "verbs": ["create"], "omitStages": ["RequestReceived"]}]});
    let audited = AuditedServer::start_with(&policy, &flags).await;
    let admin = audited.server.admin();
    // two fit into a megabyte
    let large = "x".repeat(400_000);
    for at in 0..7 {
        let name = format!("large-{at}");
        let map = json!({"metadata": {"name": name}, "data": {"k": large}});
        assert_eq!(admin.post(MAPS, &map).await.code, 201);
    }
    let dir = audited.server.stop().await;
    let found = files(dir.path(), "audit");
    assert_eq!(found.len(), 3, "{found:?}");
    let mut names = Vec::new();
    for path in &found {
        let mut text = String::new();
        match path.extension().unwrap().to_str().unwrap() {
            "gz" => drop(
                GzDecoder::new(File::open(path).unwrap())
                    .read_to_string(&mut text)
                    .unwrap(),
            ),
            _ => text = fs::read_to_string(path).unwrap(),
        }
        assert!(text.len() < 1_100_000);
        let events = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        names.extend(events.map(|event| event["objectRef"]["name"].as_str().unwrap().to_owned()));
    }
    let compressed = found
        .iter()
        .filter(|path| path.extension().unwrap() == "gz");
    assert_eq!(compressed.count(), 2);
    // the first file exceeds the number of backups
    assert_eq!(
        names,
        ["large-2", "large-3", "large-4", "large-5", "large-6"]
    );
}

#[tokio::test]
async fn the_legacy_format_is_a_line_of_text() {
    let policy = json!({"rules": [{"level": "Metadata", "users": ["root"]}]});
    let audited = AuditedServer::start_with(&policy, &["--audit-log-format=legacy"]).await;
    let admin = audited.server.admin().header("audit-id", "i\"d");
    let acting = admin
        .header("impersonate-user", "jane")
        .header("user-agent", "a b");
    acting.get(MAPS).await;
    let text = fs::read_to_string(&audited.log).unwrap();
    let [received, complete] = <[&str; 2]>::try_from(text.lines().collect::<Vec<_>>()).unwrap();
    let (_, received) = received.split_once(' ').unwrap();
    let (time, complete) = complete.split_once(' ').unwrap();
    assert!(time.parse::<jiff::Timestamp>().is_ok(), "{time}");
    let who = r#"user="root" groups="\"system:masters\",\"system:authenticated\"""#;
    let what =
        r#"user-agent="a b" namespace="default" uri="/api/v1/namespaces/default/configmaps""#;
    assert_eq!(
        received,
        format!(
            r#"AUDIT: id="i\"d" stage="RequestReceived" ip="127.0.0.1" method="list" {who} as="<self>" asgroups="<lookup>" {what} response="<deferred>""#
        )
    );
    assert_eq!(
        complete,
        format!(
            r#"AUDIT: id="i\"d" stage="ResponseComplete" ip="127.0.0.1" method="list" {who} as="jane" asgroups="\"system:authenticated\"" {what} response="403""#
        )
    );
}

#[tokio::test]
async fn events_that_wait_are_written_when_the_server_stops() {
    let policy = json!({"rules": [{"level": "Metadata"}]});
    let flags = [
        "--audit-log-mode=batch",
        "--audit-log-batch-max-size=1000",
        "--audit-log-batch-max-wait=1h",
    ];
    let audited = AuditedServer::start_with(&policy, &flags).await;
    let admin = audited.server.admin();
    admin.header("audit-id", "last").get("/version").await;
    assert_eq!(audited.events().len(), 0);
    let events = audited.stop("last").await;
    assert_eq!(stages(&events), ["RequestReceived", "ResponseComplete"]);
}

#[tokio::test]
async fn a_full_disk_costs_events_or_requests_as_the_mode_says() {
    let rules = json!({"rules": [
        {"level": "None", "nonResourceURLs": ["/metrics"]}, {"level": "Metadata"}]});
    for (mode, code, rejected) in [
        ("blocking", 200, 0),
        ("batch", 200, 0),
        ("blocking-strict", 500, 1),
    ] {
        let dir = directory();
        let policy = policy_flag(&dir, &rules);
        let mode_flag = format!("--audit-log-mode={mode}");
        let flags = [
            &*policy,
            "--audit-log-path=/dev/full",
            "--audit-log-maxsize=0",
            &mode_flag,
        ];
        let server = TestServer::start_in(dir, &flags).await;
        let admin = server.admin();
        let answer = admin.get("/version").await;
        assert_eq!(answer.code, code, "{mode}");
        if code == 500 {
            assert_eq!(
                answer.message(),
                "Internal error occurred: failed to store audit event"
            );
        }
        let lost = if code == 500 { 1 } else { 2 };
        until("the lost events are counted", async || {
            let metrics = admin.get("/metrics").await.body;
            let metrics = String::from_utf8(metrics.to_vec()).unwrap();
            let has = |line: String| metrics.lines().any(|l| l == line);
            has(format!(
                "apiserver_audit_error_total{{plugin=\"log\"}} {lost}"
            )) && has(format!(
                "apiserver_audit_requests_rejected_total {rejected}"
            ))
        })
        .await;
    }
}

#[test]
fn a_log_may_go_to_standard_output() {
    let dir = directory();
    let policy = policy_flag(&dir, &json!({"rules": [{"level": "Metadata"}]}));
    let data = dir.path().join("data");
    let process = Process::start(data, &[&policy, "--audit-log-path=-"]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = process.admin().header("audit-id", "out");
    let answer = runtime.block_on(client.get("/version"));
    assert_eq!(answer.code, 200);
    let said = process.says(2);
    assert!(
        said.iter().all(|line| line.contains("\"auditID\":\"out\"")),
        "{said:?}"
    );
    process.terminate();
}
