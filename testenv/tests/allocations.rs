//! How often a server allocates memory for a request. The client is another process, curl: everything that is counted
//! here is the server's.
#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first surprise, with its place"
)]

use std::alloc::System;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use portcullis_testenv::{TestEnv, User};
use serde_json::{Value, json};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How many requests are counted.
const COUNTED_REQUESTS: usize = 400;
/// The length of a shorter run, which is subtracted: what it has in common with the longer one is its connection.
const OTHERS: usize = 100;
const WATCHERS: usize = 10;
const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
const PODS: &str = "/api/v1/namespaces/default/pods";

/// What sends requests.
struct Client<'e> {
    env: &'e TestEnv,
    admin: User,
    directory: tempfile::TempDir,
}

impl<'e> Client<'e> {
    fn new(env: &'e TestEnv) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ca.crt"), env.authority()).unwrap();
        let admin = env.user("admin", &["system:masters"]).unwrap();
        Self {
            env,
            admin,
            directory,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Requests of a path over one connection, as often as is said.
    fn curl(&self, path: &str, times: usize, args: &[&str]) -> Command {
        let mut curl = Command::new("curl");
        let url = format!("{}{path}", self.env.url());
        let separator = if path.contains('?') { '&' } else { '?' };
        curl.args([
            // the first option: without the user's defaults
            "--disable",
            "--noproxy",
            "*",
            "--silent",
            "--show-error",
            "--fail",
            "--fail-early",
            "--no-buffer",
            "--cacert",
        ])
        .arg(self.file("ca.crt"))
        .arg("--header")
        .arg(format!("Authorization: Bearer {}", self.admin.token()))
        .args(args)
        .arg(format!("{url}{separator}n=[1-{times}]"))
        .stdout(Stdio::null());
        curl
    }

    /// The body of requests that create an object.
    fn body(&self, object: &Value) -> Vec<String> {
        let file = self.file("object.json");
        std::fs::write(&file, object.to_string()).unwrap();
        let data = format!("@{}", file.display());
        [
            "--data",
            &data,
            "--header",
            "Content-Type: application/json",
        ]
        .map(str::to_owned)
        .to_vec()
    }

    fn send(&self, path: &str, times: usize, args: &[&str]) {
        let sent = self.curl(path, times, args).status().unwrap();
        assert!(sent.success(), "{path}: {sent}");
    }

    /// The allocations of a request, without those of its connection.
    fn allocations(&self, path: &str, args: &[&str]) -> usize {
        let counted = |times| {
            let before = allocations();
            self.send(path, times, args);
            allocations() - before
        };
        self.send(path, OTHERS, args);
        let few = counted(OTHERS);
        (counted(OTHERS + COUNTED_REQUESTS) - few) / COUNTED_REQUESTS
    }

    fn creates(&self, path: &str, object: &Value) -> usize {
        let args = self.body(object);
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        self.allocations(path, &args)
    }

    fn create(&self, path: &str, object: &Value) {
        let args = self.body(object);
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        self.send(path, 1, &args);
    }
}

fn allocations() -> usize {
    let stats = COUNTED.stats();
    stats.allocations + stats.reallocations
}

fn config_map() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "generateName": "counted-" },
        "data": { "color": "blue", "size": "12" },
    })
}

fn pod() -> Value {
    let variables: Vec<_> = (0..20)
        .map(|n| json!({ "name": format!("VARIABLE_{n}"), "value": format!("{n}") }))
        .collect();
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "generateName": "counted-", "labels": { "app": "counted" } },
        "spec": { "containers": [{
            "name": "main",
            "image": "registry.example.com/app:1",
            "env": variables,
            "ports": [{ "containerPort": 8080 }],
            "resources": { "requests": { "cpu": "10m", "memory": "16Mi" } },
        }] },
    })
}

fn policy() -> Value {
    let any = json!({ "rule": "RunAsAny" });
    json!({
        "apiVersion": "policy/v1beta1",
        "kind": "PodSecurityPolicy",
        "metadata": { "name": "any" },
        "spec": {
            "privileged": true, "volumes": ["*"],
            "seLinux": any, "runAsUser": any, "supplementalGroups": any, "fsGroup": any,
        },
    })
}

/// Watchers, which end with this.
struct Watchers(Vec<Child>);

impl Watchers {
    fn of(client: &Client<'_>, path: &str) -> Self {
        let path = format!("{path}?watch=true");
        let watch = |_| client.curl(&path, 1, &[]).spawn().unwrap();
        let watchers = Self((0..WATCHERS).map(watch).collect());
        let until = Instant::now() + Duration::from_secs(30);
        while watching(client) < WATCHERS {
            assert!(Instant::now() < until, "not all watchers have connected");
            std::thread::sleep(Duration::from_millis(20));
        }
        watchers
    }
}

impl Drop for Watchers {
    fn drop(&mut self) {
        for watcher in &mut self.0 {
            let _ = watcher.kill();
            let _ = watcher.wait();
        }
    }
}

/// How many watchers of config maps are connected.
fn watching(client: &Client<'_>) -> usize {
    let mut curl = client.curl("/metrics", 1, &[]);
    let metrics = curl.stdout(Stdio::piped()).output().unwrap();
    let metrics = String::from_utf8(metrics.stdout).unwrap();
    let watchers = metrics.lines().filter(|line| {
        line.starts_with("apiserver_longrunning_requests{") && line.contains("\"configmaps\"")
    });
    let counts = watchers.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok());
    counts.sum()
}

/// A bound is a tenth above what was counted when it was set. Lower it when a figure becomes lower; say why if it has
/// to become higher.
fn at_most(bound: usize, allocated: usize, what: &str) {
    println!("{what}: {allocated} allocations, at most {bound}");
    assert!(
        allocated <= bound,
        "{what}: {allocated} allocations, more than {bound}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn requests_and_events_allocate_no_more_than_they_did() {
    let env = TestEnv::builder().flag("--enable-admission-plugins=PodSecurityPolicy");
    let env = env.start().await.unwrap();
    tokio::task::block_in_place(|| {
        let client = Client::new(&env);
        client.create("/apis/policy/v1beta1/podsecuritypolicies", &policy());
        let mut named = pod();
        named["metadata"]["name"] = "got".into();
        client.create(PODS, &named);

        let got = client.allocations(&format!("{PODS}/got"), &[]);
        at_most(108, got, "get of a pod");
        at_most(870, client.creates(PODS, &pod()), "create of a pod");
        let alone = client.creates(CONFIG_MAPS, &config_map());
        at_most(245, alone, "create of a config map");
        let watchers = Watchers::of(&client, CONFIG_MAPS);
        let watched = client.creates(CONFIG_MAPS, &config_map());
        assert_eq!(watching(&client), WATCHERS, "all watchers have stayed");
        drop(watchers);
        println!("create of a config map that is watched: {watched} allocations");
        let event = watched.saturating_sub(alone).div_ceil(WATCHERS);
        // depends on how many events a watcher finds at once
        at_most(6, event, "an event for one watcher");
    });
    env.stop().await;
}
