//! The program under the names `kube-apiserver` and `etcd`, started as controller-runtime's envtest starts them
//! (upstream: `pkg/internal/testing/controlplane/{etcd,apiserver}.go`), and beside a command.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use portcullis::pki::Authority;
use portcullis_storage::reserved_address::ReservedAddress;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::support::PATIENCE;
use crate::support::client::Client;

const PROGRAM: &str = env!("CARGO_BIN_EXE_portcullis");

/// A control plane's process; killed when it goes out of sight.
struct Running(Child);

impl Running {
    fn start(program: &Path, arguments: &[String]) -> Self {
        Self(
            Command::new(program)
                .args(arguments)
                .stdout(Stdio::null())
                .spawn()
                .unwrap(),
        )
    }

    /// Terminates it as envtest does, and waits until it has ended.
    fn stop(mut self) {
        let pid = i32::try_from(self.0.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // it may have ended already
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The directory that `KUBEBUILDER_ASSETS` names, and the certificates that envtest puts beside it.
struct Assets {
    dir: tempfile::TempDir,
    authority: Authority,
}

impl Assets {
    fn lay_out() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["kube-apiserver", "etcd"] {
            symlink(PROGRAM, dir.path().join(name)).unwrap();
        }
        let certs = dir.path().join("certs");
        std::fs::create_dir(&certs).unwrap();
        let (authority, _) = Authority::find_or_make(&dir.path().join("made")).unwrap();
        let serving = authority.server(&["localhost".to_owned()], &[Ipv4Addr::LOCALHOST.into()]);
        let serving = serving.unwrap();
        let signer = authority.client("sa-signer", None).unwrap();
        for (name, text) in [
            ("apiserver.crt", serving.certificate.as_str()),
            ("apiserver.key", &serving.key),
            ("client-cert-auth-ca.crt", authority.certificate()),
            ("sa-signer.crt", &signer.certificate),
            ("sa-signer.key", &signer.key),
        ] {
            std::fs::write(certs.join(name), text).unwrap();
        }
        Self { dir, authority }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn etcd(&self, client: SocketAddr) -> Running {
        let flags = [
            format!("--advertise-client-urls=http://{client}"),
            format!("--listen-client-urls=http://{client}"),
            format!("--listen-peer-urls=http://{}", ReservedAddress::new().get()),
            format!("--data-dir={}", self.path("data").display()),
            "--unsafe-no-fsync=true".to_owned(),
        ];
        let etcd = Running::start(&self.path("etcd"), &flags);
        until(|| answer(client, "/health").starts_with("HTTP/1.1 200"));
        etcd
    }

    fn apiserver(&self, etcd: SocketAddr, address: SocketAddr) -> Running {
        let certs = self.path("certs").display().to_string();
        let port = address.port();
        let flags = [
            "--allow-privileged=true".to_owned(),
            "--authorization-mode=RBAC".to_owned(),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--cert-dir={certs}"),
            format!("--client-ca-file={certs}/client-cert-auth-ca.crt"),
            "--disable-admission-plugins=ServiceAccount".to_owned(),
            format!("--etcd-servers=http://{etcd}"),
            format!("--secure-port={port}"),
            format!("--service-account-issuer=https://127.0.0.1:{port}/"),
            format!("--service-account-key-file={certs}/sa-signer.crt"),
            format!("--service-account-signing-key-file={certs}/sa-signer.key"),
            "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
            "--feature-gates=WatchList=true".to_owned(),
        ];
        Running::start(&self.path("kube-apiserver"), &flags)
    }

    /// Polls `/healthz` without credentials. Unlike envtest, this verifies the certificate.
    async fn healthy(&self, address: SocketAddr) {
        let anyone = Client::new(address, self.authority.certificate(), None);
        let begun = Instant::now();
        loop {
            let is_there = TcpStream::connect(address).is_ok();
            if is_there && anyone.get("/healthz").await.code == 200 {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "not healthy");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn admin(&self, address: SocketAddr) -> Client {
        let admin = self
            .authority
            .client("admin", Some("system:masters"))
            .unwrap();
        Client::new(address, self.authority.certificate(), Some(&admin))
    }
}

fn until(is_true: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_true() {
        assert!(begun.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The answer to a GET without TLS; empty if nothing listens.
fn answer(address: SocketAddr, path: &str) -> String {
    let mut text = String::new();
    if let Ok(mut stream) = TcpStream::connect(address) {
        let asked = write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        );
        asked
            .and_then(|()| stream.read_to_string(&mut text).map(drop))
            .unwrap();
    }
    text
}

fn output(program: &Path, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap()
}

#[tokio::test]
async fn envtests_control_plane_starts_and_keeps_its_data() {
    let assets = Assets::lay_out();
    let help = output(&assets.path("etcd"), &["--help"]);
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(
        help.lines()
            .any(|line| line.trim_start().starts_with("--unsafe-no-fsync"))
    );
    let help = output(&assets.path("kube-apiserver"), &["--help"]);
    assert!(help.status.success());
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("--cert-dir") && !help.contains("--insecure-port"));

    let reserved = [ReservedAddress::new(), ReservedAddress::new()];
    let [at, address] = reserved.each_ref().map(ReservedAddress::get);
    let etcd = assets.etcd(at);
    let apiserver = assets.apiserver(at, address);
    assets.healthy(address).await;
    let admin = assets.admin(address);
    let namespaces = "/api/v1/namespaces";
    let made = admin
        .post(namespaces, &json!({"metadata": {"name": "kept"}}))
        .await;
    assert_eq!(made.code, 201, "{made:?}");
    let token = format!("{namespaces}/kept/serviceaccounts");
    assert_eq!(
        admin
            .post(&token, &json!({"metadata": {"name": "robot"}}))
            .await
            .code,
        201
    );
    let token = admin
        .post(&format!("{token}/robot/token"), &json!({"spec": {}}))
        .await;
    let token = token.json()["status"]["token"].as_str().unwrap().to_owned();
    let robot = Client::new(address, assets.authority.certificate(), None);
    let robot = robot.header("authorization", &format!("Bearer {token}"));
    let denied = robot.get("/api/v1/namespaces/kept/pods").await;
    assert_eq!(
        denied.code, 403,
        "the token signed by sa-signer.key is accepted: {denied:?}"
    );
    apiserver.stop();

    // a restart of the API server alone
    let apiserver = assets.apiserver(at, address);
    assets.healthy(address).await;
    assert_eq!(admin.get(&format!("{namespaces}/kept")).await.code, 200);
    // the namespace remains, as kube-controller-manager's controllers do not run
    let deleted = admin
        .ask(
            http::Method::DELETE,
            &format!("{namespaces}/kept"),
            String::new(),
        )
        .await;
    assert_eq!(deleted.code, 200, "{deleted:?}");
    assert_eq!(deleted.json()["status"]["phase"], "Terminating");
    apiserver.stop();
    etcd.stop();
    assert!(assets.path("data/portcullis").exists());
    assert!(TcpStream::connect(at).is_err());
}

/// The process that is called etcd may start later: others start both at the same time.
#[tokio::test]
async fn a_server_waits_for_the_process_called_etcd() {
    let assets = Assets::lay_out();
    let reserved = [ReservedAddress::new(), ReservedAddress::new()];
    let [at, address] = reserved.each_ref().map(ReservedAddress::get);
    let apiserver = assets.apiserver(at, address);
    let etcd = assets.etcd(at);
    assets.healthy(address).await;
    apiserver.stop();
    etcd.stop();
}

#[test]
fn the_program_reports_under_the_name_it_is_started_by() {
    let assets = Assets::lay_out();
    let version = output(&assets.path("kube-apiserver"), &["--version"]);
    assert_eq!(
        String::from_utf8(version.stdout).unwrap(),
        "Kubernetes v1.24.17\n"
    );
    let wrong = output(&assets.path("kube-apiserver"), &["--no-such-flag=1"]);
    assert!(!wrong.status.success());
    let said = String::from_utf8(wrong.stderr).unwrap();
    assert_eq!(said, "kube-apiserver: unknown flag: --no-such-flag\n");
    let wrong = output(
        &assets.path("etcd"),
        &["--listen-client-urls=https://127.0.0.1:1"],
    );
    let said = String::from_utf8(wrong.stderr).unwrap();
    assert!(said.starts_with("etcd: --listen-client-urls: "), "{said}");
}

fn run(arguments: &[&str], script: &str) -> Output {
    let mut command = Command::new(PROGRAM);
    command.arg("run").args(arguments);
    command.args(["--", "sh", "-c", script]).output().unwrap()
}

#[test]
fn a_command_runs_beside_a_server_of_its_own() {
    let done = run(
        &[],
        "cat \"$KUBECONFIG\"; dirname \"$KUBECONFIG\" >&2; exit 7",
    );
    assert_eq!(done.status.code(), Some(7));
    let kubeconfig = String::from_utf8(done.stdout).unwrap();
    assert!(kubeconfig.contains("https://127.0.0.1:"), "{kubeconfig}");
    let dir = String::from_utf8(done.stderr).unwrap();
    assert_eq!(dir.lines().count(), 1, "nothing else is said: {dir}");
    assert!(!Path::new(dir.trim()).exists(), "{dir}");

    let killed = run(&[], "kill -9 $$");
    assert_eq!(killed.status.code(), Some(137));
    let absent = Command::new(PROGRAM)
        .args(["run", "--", "/no/such/program"])
        .output()
        .unwrap();
    assert_eq!(absent.status.code(), Some(127));
    let said = String::from_utf8(absent.stderr).unwrap();
    assert!(said.starts_with("portcullis: /no/such/program: "), "{said}");
}

#[test]
fn a_data_directory_given_to_run_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let data = format!("--data-dir={}", dir.path().display());
    let done = run(
        &[&data, "--authorization-mode=AlwaysAllow"],
        "test -f \"$KUBECONFIG\"",
    );
    assert_eq!(done.status.code(), Some(0));
    assert!(dir.path().join("admin.kubeconfig").exists());
}

#[test]
fn a_command_that_loses_its_terminal_leaves_nothing() {
    let ended = run(
        &[],
        "dirname \"$KUBECONFIG\"; kill -HUP $PPID; exec sleep 60",
    );
    assert_eq!(ended.status.code(), Some(129));
    let dir = String::from_utf8(ended.stdout).unwrap();
    assert!(!Path::new(dir.trim()).exists(), "{dir}");
}

#[test]
fn kubeconfigs_have_the_address_of_their_server() {
    let dir = tempfile::tempdir().unwrap();
    let data = format!("--data-dir={}", dir.path().display());
    let script = format!(
        "grep server: \"$KUBECONFIG\"; '{PROGRAM}' kubeconfig --user ann '{data}' | grep server:"
    );
    let done = run(&[&data], &script);
    let lines = String::from_utf8(done.stdout).unwrap();
    let (own, made) = lines.split_once('\n').unwrap();
    assert_eq!(own.trim(), made.trim());
    for (wrong, why) in [
        (
            ["--user=", "--server=https://127.0.0.1"],
            "a value is required",
        ),
        (["--user=ann", "--server=foo"], "it is not a URL"),
    ] {
        let refused = output(
            Path::new(PROGRAM),
            &["kubeconfig", &data, wrong[0], wrong[1]],
        );
        assert_eq!(refused.status.code(), Some(1), "{wrong:?}");
        let error = String::from_utf8(refused.stderr).unwrap();
        assert!(error.contains(why), "{error}");
    }
}
