//! Audit options and policies that the server refuses to start with.

use std::fs;

use portcullis::start::server::Server;
use serde_json::json;
use tempfile::TempDir;

use super::policy_flag;
use crate::support::server::{directory, options};

async fn refusal(dir: &TempDir, flags: &[&str]) -> String {
    let started = Server::start(&options(dir, flags)).await;
    started.err().unwrap().to_string()
}

#[tokio::test]
async fn wrong_options_are_named() {
    let dir = directory();
    let good = policy_flag(&dir, &json!({"rules": [{"level": "Metadata"}]}));
    let log = format!(
        "--audit-log-path={}",
        dir.path().join("audit.log").display()
    );
    for (flag, why) in [
        (
            "--audit-log-mode=some",
            r#"--audit-log-mode: invalid audit log mode some, allowed modes are "batch,blocking,blocking-strict""#,
        ),
        (
            "--audit-log-maxage=-1",
            "--audit-log-maxage: -1 can't be a negative number",
        ),
        (
            "--audit-log-maxsize=-2",
            "--audit-log-maxsize: -2 can't be a negative number",
        ),
        (
            "--audit-log-maxbackup=-3",
            "--audit-log-maxbackup: -3 can't be a negative number",
        ),
        (
            "--audit-webhook-config-file=gone",
            "--audit-webhook-config-file: gone: No such file",
        ),
    ] {
        let refusal = refusal(&dir, &[&good, &log, flag]).await;
        assert!(refusal.starts_with(why), "{refusal}");
    }
    for (flags, why) in [
        (["--audit-log-batch-buffer-size=0", ""], "buffer size 0"),
        (["--audit-log-batch-max-size=-1", ""], "max batch size -1"),
        (["--audit-log-batch-throttle-enable", ""], "throttle QPS 0"),
        (
            [
                "--audit-log-batch-throttle-enable",
                "--audit-log-batch-throttle-qps=1.5",
            ],
            "throttle burst 0",
        ),
    ] {
        let flags: Vec<_> = flags.into_iter().filter(|flag| !flag.is_empty()).collect();
        let all = [&[&*good, &*log, "--audit-log-mode=batch"], &flags[..]].concat();
        let expected =
            format!("--audit-log-mode: invalid audit batch log {why}, must be a positive number");
        assert_eq!(refusal(&dir, &all).await, expected);
        // options that do not apply are not checked
        let unused = [&[&*good, &*log], &flags[..]].concat();
        let server = Server::start(&options(&dir, &unused)).await.unwrap();
        server.stop().await;
    }
    let nowhere = format!(
        "--audit-log-path={}/tokens.csv/audit.log",
        dir.path().display()
    );
    let refused = refusal(&dir, &[&good, &nowhere]).await;
    assert!(refused.starts_with("--audit-log-path: "), "{refused}");
}

#[tokio::test]
async fn an_invalid_policy_is_named() {
    let dir = directory();
    let path = dir.path().join("broken.yaml");
    let flag = format!("--audit-policy-file={}", path.display());
    let gone = refusal(&dir, &[&flag]).await;
    let expected = format!(
        "--audit-policy-file: loading audit policy file: failed to read file path {:?}: ",
        path.display().to_string()
    );
    assert!(gone.starts_with(&expected), "{gone}");
    for (text, why) in [
        ("a: [", "failed decoding: "),
        ("{}", "failed decoding: Object 'Kind' is missing"),
        (
            "apiVersion: audit.k8s.io/v1\nkind: Policy\n",
            "loaded illegal policy with 0 rules",
        ),
        (
            "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: All}]\n",
            "rules[0].level: Unsupported value: \"All\"",
        ),
    ] {
        fs::write(&path, text).unwrap();
        let refused = refusal(&dir, &[&flag]).await;
        let expected = format!("--audit-policy-file: loading audit policy file: {why}");
        assert!(refused.starts_with(&expected), "{refused}");
        assert!(
            refused.ends_with(&format!(": from file {}", path.display())),
            "{refused}"
        );
    }
}
