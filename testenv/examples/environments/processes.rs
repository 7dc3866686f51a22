//! Environments that are processes: `portcullis run -- COMMAND`.

use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

use http::Method;
use portcullis::kubeconfig::client::ApiClient;
use portcullis::kubeconfig::read::Kubeconfig;

use crate::figures::Durations;
use crate::left::{Left, is_closed};

const ONE_BY_ONE: usize = 40;
const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const MAP: &str = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"first"}}"#;

pub(crate) fn measure(program: &str, count: usize) -> ExitCode {
    let before = Left::now();
    let mut all = Durations::default();
    port(run(program));
    for _ in 0..ONE_BY_ONE {
        let begun = Instant::now();
        port(run(program));
        all.add(begun.elapsed());
    }
    all.print("start, first object, stop");
    let begun = Instant::now();
    let running: Vec<_> = (0..count).map(|_| run(program)).collect();
    let ports: Vec<_> = running.into_iter().map(port).collect();
    let took = begun.elapsed().as_secs_f64() * 1e3;
    let each = took / count.max(1) as f64;
    println!("{count} at once: gone after {took:.0} ms, {each:.1} ms each");
    assert!(ports.into_iter().all(is_closed), "a port is left");
    before.compare()
}

fn run(program: &str) -> Child {
    let mut command = Command::new(program);
    command
        .args(["run", "--"])
        .arg(std::env::current_exe().unwrap())
        .arg("create");
    command.stdout(Stdio::piped()).spawn().unwrap()
}

/// The port that a server had which has ended by now.
fn port(running: Child) -> u16 {
    let ended = running.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", ended.status);
    String::from_utf8(ended.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

/// Creates an object in the server that `KUBECONFIG` names, and prints the server's port.
pub(crate) fn create() -> ExitCode {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    runtime.block_on(async {
        let config = Kubeconfig::load(None).unwrap();
        let client = ApiClient::new(&config, config.context(None).unwrap()).unwrap();
        let reply = client.send(Method::POST, MAPS, MAP.into()).await.unwrap();
        assert_eq!(reply.code, 201, "{}", String::from_utf8_lossy(&reply.body));
        println!("{}", client.server().rsplit(':').next().unwrap());
    });
    ExitCode::SUCCESS
}
