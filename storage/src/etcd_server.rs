//! A real etcd for tests (feature `test-util`), on free ports and with its own data directory.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};
use tempfile::TempDir;

use crate::reserved_address::ReservedAddress;

/// Certificates for an etcd with mutual TLS, in PEM.
pub struct ServerTls {
    /// The CA of both certificates.
    pub ca: Vec<u8>,
    /// The client certificate.
    pub client_certificate: Vec<u8>,
    /// The client's private key.
    pub client_key: Vec<u8>,
    server_certificate: Vec<u8>,
    server_key: Vec<u8>,
}

/// A running etcd; killed and removed when dropped.
pub struct EtcdServer {
    dir: TempDir,
    client: ReservedAddress,
    peer: ReservedAddress,
    /// Serves metrics and health, for which no client certificate is needed.
    metrics: ReservedAddress,
    name: String,
    /// The names and peer URLs of all members.
    cluster: String,
    tls: bool,
    /// Whether it syncs to disk before it acknowledges, as in production.
    durable: bool,
    child: Option<Child>,
}

impl ServerTls {
    /// Generates a CA, and a server and client certificate signed by it.
    ///
    /// # Panics
    /// If generation fails.
    pub fn new() -> Self {
        let mut params = CertificateParams::new([]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "etcd test authority");
        let key = KeyPair::generate().expect("a key");
        let ca = params
            .self_signed(&key)
            .expect("an authority")
            .pem()
            .into_bytes();
        let issuer = Issuer::new(params, key);
        let issue = |name: &str| {
            let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
            params.distinguished_name.push(DnType::CommonName, name);
            params.extended_key_usages = vec![
                ExtendedKeyUsagePurpose::ServerAuth,
                ExtendedKeyUsagePurpose::ClientAuth,
            ];
            let key = KeyPair::generate().expect("a key");
            let certificate = params.signed_by(&key, &issuer).expect("a certificate");
            (
                certificate.pem().into_bytes(),
                key.serialize_pem().into_bytes(),
            )
        };
        let (server_certificate, server_key) = issue("etcd");
        let (client_certificate, client_key) = issue("portcullis");
        Self {
            ca,
            client_certificate,
            client_key,
            server_certificate,
            server_key,
        }
    }
}

impl Default for ServerTls {
    fn default() -> Self {
        Self::new()
    }
}

impl EtcdServer {
    /// Starts a single member.
    ///
    /// # Panics
    /// If etcd is not installed or does not start: tests that need it must not pass without it.
    pub fn start() -> Self {
        Self::start_in(tempfile::tempdir().expect("a directory for etcd"), false)
    }

    /// Starts a single member with mutual TLS.
    ///
    /// # Panics
    /// As [`EtcdServer::start`].
    pub fn start_tls(tls: &ServerTls) -> Self {
        let dir = tempfile::tempdir().expect("a directory for etcd");
        for (name, content) in [
            ("ca", &tls.ca),
            ("cert", &tls.server_certificate),
            ("key", &tls.server_key),
        ] {
            std::fs::write(dir.path().join(name), content).expect("to write a certificate");
        }
        Self::start_in(dir, true)
    }

    /// Starts a single member that syncs to disk, in a new directory below `dir`. The others do not
    /// sync, as they only have to survive a kill of the process.
    ///
    /// # Panics
    /// As [`EtcdServer::start`].
    pub fn start_durable(dir: &Path) -> Self {
        let dir = tempfile::tempdir_in(dir).expect("a directory for etcd");
        let mut server = Self::prepare(dir, "test".into(), false);
        server.durable = true;
        server.restart();
        server
    }

    /// Starts a cluster.
    ///
    /// # Panics
    /// As [`EtcdServer::start`].
    pub fn start_cluster(members: usize) -> Vec<Self> {
        let dir = || tempfile::tempdir().expect("a directory for etcd");
        let mut servers: Vec<_> = (0..members)
            .map(|n| Self::prepare(dir(), format!("m{n}"), false))
            .collect();
        let names = servers
            .iter()
            .map(|server| format!("{}={}", server.name, server.peer_url()));
        let cluster = names.collect::<Vec<_>>().join(",");
        for server in &mut servers {
            server.cluster.clone_from(&cluster);
            server.spawn();
        }
        for server in &mut servers {
            server.wait_until_healthy();
        }
        servers
    }

    fn start_in(dir: TempDir, tls: bool) -> Self {
        let mut server = Self::prepare(dir, "test".into(), tls);
        server.restart();
        server
    }

    fn prepare(dir: TempDir, name: String, tls: bool) -> Self {
        let mut server = Self {
            dir,
            client: ReservedAddress::new(),
            peer: ReservedAddress::new(),
            metrics: ReservedAddress::new(),
            name,
            cluster: String::new(),
            tls,
            durable: false,
            child: None,
        };
        server.cluster = format!("{}={}", server.name, server.peer_url());
        server
    }

    fn peer_url(&self) -> String {
        format!("http://{}", self.peer.get())
    }

    /// The client URL.
    pub fn endpoint(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.client.get())
    }

    /// Kills the process.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have exited already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// The process ID, for signals.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Restarts it on the same ports with the same data.
    ///
    /// # Panics
    /// As [`EtcdServer::start`].
    pub fn restart(&mut self) {
        self.kill();
        self.spawn();
        self.wait_until_healthy();
    }

    fn spawn(&mut self) {
        self.child = Some(match self.command().spawn() {
            Ok(child) => child,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                panic!("this test needs etcd: apt-get install etcd-server")
            }
            Err(error) => panic!("etcd does not start: {error}"),
        });
    }

    /// Kills it and removes its data, so that the next start begins with an empty store.
    ///
    /// # Panics
    /// If the data cannot be removed.
    pub fn wipe(&mut self) {
        self.kill();
        std::fs::remove_dir_all(self.dir.path().join("data")).expect("to remove etcd's data");
    }

    fn wait_until_healthy(&mut self) {
        let begun = Instant::now();
        while !self.is_healthy().unwrap_or(false) {
            let exited = self
                .child
                .as_mut()
                .and_then(|child| child.try_wait().ok().flatten());
            assert!(exited.is_none(), "etcd exited: {}", self.log());
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "etcd is not healthy in time: {}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether it responds and has a leader.
    fn is_healthy(&self) -> io::Result<bool> {
        let mut stream = TcpStream::connect(self.metrics.get())?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(b"GET /health HTTP/1.0\r\n\r\n")?;
        let mut response = String::new();
        stream.read_to_string(&mut response)?;
        Ok(response.contains(r#""health":"true""#))
    }

    fn command(&self) -> Command {
        let (dir, client, peer) = (self.dir.path(), &self.endpoint(), &self.peer_url());
        let log = || {
            let file = std::fs::File::options()
                .create(true)
                .append(true)
                .open(dir.join("log"));
            file.map_or_else(|_| Stdio::null(), Stdio::from)
        };
        let mut command = Command::new("etcd");
        command
            .args(["--name", &self.name, "--initial-cluster", &self.cluster])
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
            .arg(format!(
                "--listen-metrics-urls=http://{}",
                self.metrics.get()
            ))
            .arg("--data-dir")
            .arg(dir.join("data"))
            .stdin(Stdio::null())
            .stdout(log())
            .stderr(log());
        if !self.durable {
            command.arg("--unsafe-no-fsync");
        }
        if self.tls {
            command.arg("--client-cert-auth");
            for (flag, name) in [
                ("--trusted-ca-file", "ca"),
                ("--cert-file", "cert"),
                ("--key-file", "key"),
            ] {
                command.arg(flag).arg(dir.join(name));
            }
        }
        command
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
