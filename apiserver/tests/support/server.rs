//! A server of its own for each test.

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

/// Whom servers believe to write tokens, unless told otherwise.
pub const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
/// What proves that one is alice.
pub const ALICES_TOKEN: &str = "alice-token-4f1c7d";
/// What proves that one is bob.
pub const BOBS_PASSWORD: &str = "pa:ss:wörd-hunter9b2e";

/// A server on a free port, over a directory that goes with it.
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

/// A directory with the files that make alice and bob known.
pub fn directory() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let tokens = format!("{ALICES_TOKEN},alice,1000,basic-user\n");
    fs::write(dir.path().join("tokens.csv"), tokens).unwrap();
    let users = format!("{BOBS_PASSWORD},bob,2000,privileged-user\n");
    fs::write(dir.path().join("users.csv"), users).unwrap();
    dir
}

impl TestServer {
    /// A server with these flags besides the usual ones.
    pub async fn start(flags: &[&str]) -> Self {
        Self::start_in(directory(), flags).await
    }

    /// The same with other deadlines for clients that do nothing.
    pub async fn start_with(flags: &[&str], deadlines: Deadlines) -> Self {
        log::keep();
        let dir = directory();
        let mut options = options(&dir, flags);
        options.deadlines = deadlines;
        let server = Server::start(&options).await.unwrap();
        Self { server, dir }
    }

    /// A server over what another one left.
    pub async fn start_in(dir: TempDir, flags: &[&str]) -> Self {
        log::keep();
        let server = Server::start(&options(&dir, flags)).await.unwrap();
        Self { server, dir }
    }

    /// Stops it; what it stored stays in the directory.
    pub async fn stop(self) -> TempDir {
        self.server.stop().await;
        self.dir
    }

    /// A file of its data directory.
    pub fn data(&self, name: &str) -> PathBuf {
        self.dir.path().join("data").join(name)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.local()
    }

    /// The authority that signed its certificate, and signs its clients'.
    pub fn authority(&self) -> Authority {
        Authority::in_dir(&self.data("pki")).unwrap()
    }

    /// Writes tokens as the server itself does.
    pub fn token_issuer(&self) -> TokenIssuer {
        let path = self.data("pki/sa.key");
        TokenIssuer {
            issuer: ISSUER.into(),
            key: SigningKey::of(&path, &fs::read(&path).unwrap()).unwrap(),
        }
    }
}

/// Roles.
impl TestServer {
    /// Somebody who shows nothing.
    pub fn anonymous(&self) -> Client {
        self.client(None)
    }

    /// Somebody who may everything, by a client certificate.
    pub fn admin(&self) -> Client {
        let identity = self.authority().client("root", Some("system:masters"));
        self.certified(&identity.unwrap())
    }

    /// Somebody with a token from the token file, and no permissions.
    pub fn alice(&self) -> Client {
        self.bearer(ALICES_TOKEN)
    }

    /// Somebody with a password from the basic auth file, and no permissions.
    pub fn bob(&self) -> Client {
        self.anonymous().basic("bob", BOBS_PASSWORD)
    }

    /// Whoever has this token.
    pub fn bearer(&self, token: &str) -> Client {
        self.anonymous()
            .header("authorization", &format!("Bearer {token}"))
    }

    /// Whoever this certificate names.
    pub fn certified(&self, identity: &Identity) -> Client {
        self.client(Some(identity))
    }

    /// Somebody who shows nothing, and believes servers that `trusted`, as PEM, signed.
    pub fn believing(&self, trusted: &str) -> Client {
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
