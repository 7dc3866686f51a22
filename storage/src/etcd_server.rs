//! A real etcd for tests (feature `test-util`), on free ports and a directory of its own.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A running etcd; killed and cleared away when dropped.
pub struct EtcdServer {
    dir: TempDir,
    client: String,
    peer: String,
    child: Option<Child>,
}

impl EtcdServer {
    /// Starts one.
    ///
    /// # Panics
    /// If etcd is not installed or does not start: tests that need it must not pass without it.
    pub fn start() -> Self {
        let dir = tempfile::tempdir().expect("a directory for etcd");
        let (client, peer) = (free_address(), free_address());
        let mut server = Self {
            dir,
            client,
            peer,
            child: None,
        };
        server.restart();
        server
    }

    /// The address for clients.
    pub fn endpoint(&self) -> String {
        self.client.clone()
    }

    /// Kills it, as a power failure would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have gone by itself; then there is nothing to do.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// The process, for signals.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Starts it again, on the same ports and the same data.
    ///
    /// # Panics
    /// As [`EtcdServer::start`].
    pub fn restart(&mut self) {
        self.kill();
        let started = command(self.dir.path(), &self.client, &self.peer).spawn();
        self.child = Some(match started {
            Ok(child) => child,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                panic!("this test needs etcd: apt-get install etcd-server")
            }
            Err(error) => panic!("etcd does not start: {error}"),
        });
        self.wait_until_it_listens();
    }

    /// Kills it and clears away its data, so that the next start begins from nothing.
    ///
    /// # Panics
    /// If the data cannot be removed.
    pub fn wipe(&mut self) {
        self.kill();
        std::fs::remove_dir_all(self.dir.path().join("data")).expect("to remove etcd's data");
    }

    fn wait_until_it_listens(&mut self) {
        let address = self.client.trim_start_matches("http://").to_owned();
        let begun = Instant::now();
        while TcpStream::connect(&address).is_err() {
            let ended = self
                .child
                .as_mut()
                .and_then(|child| child.try_wait().ok().flatten());
            assert!(ended.is_none(), "etcd ended: {}", self.log());
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "etcd hangs: {}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

impl Drop for EtcdServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn command(dir: &Path, client: &str, peer: &str) -> Command {
    let log = || {
        let file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(dir.join("log"));
        file.map_or_else(|_| Stdio::null(), Stdio::from)
    };
    let mut command = Command::new("etcd");
    command
        .args([
            "--name",
            "test",
            "--initial-cluster",
            &format!("test={peer}"),
        ])
        .args([
            "--listen-client-urls",
            client,
            "--advertise-client-urls",
            client,
        ])
        .args([
            "--listen-peer-urls",
            peer,
            "--initial-advertise-peer-urls",
            peer,
        ])
        .args(["--logger", "zap", "--log-outputs", "stderr"])
        .arg("--unsafe-no-fsync")
        .arg("--data-dir")
        .arg(dir.join("data"))
        .stdin(Stdio::null())
        .stdout(log())
        .stderr(log());
    command
}

fn free_address() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    format!("http://{}", listener.local_addr().expect("its address"))
}
