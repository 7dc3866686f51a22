//! The lines of the log, compared with docs/LOGGING.md.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::support::process::Process;
use crate::support::server::directory;

const DOCUMENT: &str = include_str!("../../../docs/LOGGING.md");
const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// The fields in the first column of the table with this heading.
fn documented(heading: &str) -> BTreeSet<String> {
    let table = DOCUMENT.split_once(heading).expect("the table").1;
    let rows = table.lines().skip(2).take_while(|row| row.starts_with('|'));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}

/// The complete lines of a log so far.
fn lines(log: &Path) -> Vec<Value> {
    let text = fs::read_to_string(log).unwrap();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect()
}

/// The request that a line belongs to: the fields of its span.
fn request(line: &Value) -> Option<BTreeMap<String, Value>> {
    let mut spans = line["spans"].as_array()?.iter();
    let span = spans.find(|span| span["name"] == "request")?;
    let fields = span.as_object()?.iter().filter(|(name, _)| *name != "name");
    Some(fields.map(|(k, v)| (k.clone(), v.clone())).collect())
}

#[tokio::test]
async fn every_line_of_a_request_has_its_fields() {
    let dir = directory();
    let log = dir.path().join("log");
    let flags = ["-v=2", "--log-format=json"];
    let file = fs::File::create(&log).unwrap();
    let server = Process::start_logging(dir.path().join("data"), &flags, file);
    let (admin, stranger) = (server.admin(), server.anonymous());
    let made = admin.post(MAPS, &json!({"metadata": {"name": "m"}})).await;
    assert_eq!(made.code, 201, "{made:?}");
    let mut ids = Vec::new();
    let wrong = stranger.clone().header("authorization", "Bearer wrong");
    let carol = admin.clone().header("impersonate-user", "carol");
    for (client, path, code) in [
        (&admin, "/healthz", 200),
        (
            &admin,
            "/api/v1/namespaces/default/configmaps/m?pretty=1",
            200,
        ),
        (
            &admin,
            "/apis/apps/v1/namespaces/default/deployments/d/scale",
            404,
        ),
        (&carol, MAPS, 403),
        (&wrong, MAPS, 401),
    ] {
        let answer = client.get(path).await;
        assert_eq!(answer.code, code, "{path}: {answer:?}");
        ids.push(answer.headers["audit-id"].to_str().unwrap().to_owned());
    }
    let of = |id: &String| {
        let lines = lines(&log).into_iter();
        let own = |line: &Value| request(line).is_some_and(|r| r["audit.id"] == json!(id));
        lines.filter(own).collect::<Vec<_>>()
    };
    let begun = Instant::now();
    let ended = |line: &Value| line["fields"]["message"] == "request";
    while !ids.iter().all(|id| of(id).iter().any(ended)) {
        assert!(begun.elapsed() < PATIENCE, "lines are missing");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut seen = BTreeSet::new();
    for id in &ids {
        let end = of(id).into_iter().find(ended).unwrap();
        assert!(end["fields"]["micros"].is_u64() && end["fields"]["http.status"].is_u64());
        let fields = request(&end).unwrap();
        assert!(
            !fields["http.path"].as_str().unwrap().contains('?'),
            "{end}"
        );
        seen.extend(fields.into_keys());
    }
    assert_eq!(seen, documented("| field of a request | what |"));
    let refused = of(&ids[4]);
    let why = |line: &Value| line["fields"]["message"] == "authentication failed";
    assert!(refused.iter().any(why), "{refused:?}");
    let acting = of(&ids[3]).pop().unwrap();
    assert_eq!(request(&acting).unwrap()["user.as"], "carol");
}

/// Any client can make a log grow, but not by a line per request at the default level.
#[tokio::test]
async fn refused_requests_are_not_logged_at_the_default_level() {
    let dir = directory();
    let log = dir.path().join("log");
    let file = fs::File::create(&log).unwrap();
    let server = Process::start_logging(dir.path().join("data"), &[], file);
    let stranger = server.anonymous();
    let answer = stranger.get("/healthz").await;
    assert_eq!(answer.code, 200, "{answer:?}");
    let before = fs::read_to_string(&log).unwrap().lines().count();
    let wrong = stranger.clone().header("authorization", "Bearer wrong");
    for _ in 0..20 {
        assert_eq!(wrong.get(MAPS).await.code, 401);
        assert_eq!(stranger.get(MAPS).await.code, 403);
    }
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.lines().count() < before + 10, "{text}");
}

/// The Rust files below a directory.
fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The parts between the parentheses that `text` begins in.
fn arguments(text: &str) -> Vec<String> {
    let (mut depth, mut quoted, mut escaped) = (1, false, false);
    let mut parts = vec![String::new()];
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 1 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
        parts.last_mut().unwrap().push(c);
    }
    parts
}

/// The names of the fields that some macro of `tracing` logs in the sources.
fn logged_by(macros: &[&str]) -> BTreeSet<String> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for folder in ["api", "storage", "authn", "rbac", "admission", "apiserver"] {
        sources(&workspace.join(folder), &mut files);
    }
    files.retain(|file| file.components().any(|part| part.as_os_str() == "src"));
    let mut names = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        // what unit tests log is no line of a server
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for name in macros {
            for (_, rest) in text
                .match_indices(&format!("tracing::{name}!("))
                .map(|(at, found)| text.split_at(at + found.len()))
            {
                let parts = arguments(rest).into_iter();
                let fields = parts.map(|part| part.trim().to_owned());
                // the message comes last, and has no name
                let fields = fields.filter(|part| part.starts_with(|c: char| c != '"'));
                names.extend(fields.filter_map(|field| {
                    let name = field.split('=').next()?.trim();
                    let name = name.trim_start_matches(['%', '?']).replace("r#", "");
                    let is_name = |c: char| c.is_ascii_lowercase() || "._8".contains(c);
                    name.chars().all(is_name).then_some(name)
                }));
            }
        }
    }
    names.retain(|name| !name.is_empty() && name != "self.messages.ended");
    names
}

#[test]
fn every_field_in_the_sources_is_documented() {
    let levels = ["trace", "debug", "info", "warn", "error"];
    assert_eq!(logged_by(&levels), documented("| field of a line | what |"));
    let spans = logged_by(&["info_span"]);
    assert_eq!(spans, documented("| field of a request | what |"));
}
