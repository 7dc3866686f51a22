//! A server for a test.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use portcullis::config::Deadlines;
use portcullis::config::{Cli, Command, Serve};
use portcullis::pki::{Authority, Identity};
use portcullis::start::server::Server;
use portcullis_authn::SigningKey;
use portcullis_authn::service_account::TokenIssuer;
use tempfile::TempDir;

use super::client::Client;
use super::log;

/// The default issuer of service account tokens.
pub const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
/// The token of alice.
pub const ALICES_TOKEN: &str = "alice-token-4f1c7d";
/// The password of bob.
pub const BOBS_PASSWORD: &str = "pa:ss:wörd-hunter9b2e";

/// A server on a free port, with a temporary data directory.
pub struct TestServer {
    server: Server,
    dir: TempDir,
}

/// The options of a server in a directory.
pub fn options(dir: &TempDir, flags: &[&str]) -> Serve {
    let file = |name: &str| dir.path().join(name).display().to_string();
    let mut words = vec![
        "portcullis".to_owned(),
        "serve".to_owned(),
        "--secure-port=0".to_owned(),
        format!("--data-dir={}", file("data")),
        format!("--token-auth-file={}", file("tokens.csv")),
        format!("--basic-auth-file={}", file("users.csv")),
    ];
    words.extend(flags.iter().map(|flag| (*flag).to_owned()));
    match Cli::try_parse_from(words).unwrap().command {
        Command::Serve(serve) => *serve,
        other => panic!("not serve: {other:?}"),
    }
}

/// A directory with the files of the users alice and bob.
pub fn directory() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let tokens = format!("{ALICES_TOKEN},alice,1000,basic-user\n");
    fs::write(dir.path().join("tokens.csv"), tokens).unwrap();
    let users = format!("{BOBS_PASSWORD},bob,2000,privileged-user\n");
    fs::write(dir.path().join("users.csv"), users).unwrap();
    dir
}

impl TestServer {
    /// A server with these flags in addition to the usual ones.
    pub async fn start(flags: &[&str]) -> Self {
        Self::start_in(directory(), flags).await
    }

    /// The same with other deadlines for idle clients.
    pub async fn start_with(flags: &[&str], deadlines: Deadlines) -> Self {
        log::keep();
        let dir = directory();
        let mut options = options(&dir, flags);
        options.deadlines = deadlines;
        let server = Server::start(&options).await.unwrap();
        Self { server, dir }
    }

    /// A server over the data directory of another.
    pub async fn start_in(dir: TempDir, flags: &[&str]) -> Self {
        log::keep();
        let server = Server::start(&options(&dir, flags)).await.unwrap();
        Self { server, dir }
    }

    /// Stops it and returns its data directory.
    pub async fn stop(self) -> TempDir {
        self.server.stop().await;
        self.dir
    }

    /// A file of its data directory.
    pub fn data(&self, name: &str) -> PathBuf {
        self.dir.path().join("data").join(name)
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.server.local()
    }

    /// The authority of its own certificate and those of its clients.
    pub fn authority(&self) -> Authority {
        Authority::in_dir(&self.data("pki")).unwrap()
    }

    /// An issuer of tokens with the server's own key.
    pub fn token_issuer(&self) -> TokenIssuer {
        let path = self.data("pki/sa.key");
        TokenIssuer {
            issuer: ISSUER.into(),
            key: SigningKey::of(&path, &fs::read(&path).unwrap()).unwrap(),
        }
    }
}

/// Clients.
impl TestServer {
    /// A client without credentials.
    pub fn anonymous(&self) -> Client {
        self.client(None)
    }

    /// A client with all permissions, by a client certificate.
    pub fn admin(&self) -> Client {
        let identity = self.authority().client("root", Some("system:masters"));
        self.certified(&identity.unwrap())
    }

    /// A client with a token of the token file, and no permissions.
    pub fn alice(&self) -> Client {
        self.bearer(ALICES_TOKEN)
    }

    /// A client with a password of the basic auth file, and no permissions.
    pub fn bob(&self) -> Client {
        self.anonymous().basic("bob", BOBS_PASSWORD)
    }

    /// A client with this token.
    pub fn bearer(&self, token: &str) -> Client {
        self.anonymous()
            .header("authorization", &format!("Bearer {token}"))
    }

    /// A client with this certificate.
    pub fn certified(&self, identity: &Identity) -> Client {
        self.client(Some(identity))
    }

    /// A client without credentials that trusts servers whose certificate `trusted`, in PEM, signed.
    pub fn trusting(&self, trusted: &str) -> Client {
        Client::new(self.server.local(), trusted, None)
    }

    fn client(&self, identity: Option<&Identity>) -> Client {
        Client::new(
            self.server.local(),
            self.authority().certificate(),
            identity,
        )
    }
}
