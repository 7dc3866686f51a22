//! The program as `etcd`: it answers health checks, and names a directory for a store.
//!
//! It serves none of etcd's data. A server that is called `kube-apiserver` and finds it at `--etcd-servers`
//! keeps its embedded store in that directory, so that a restart of either loses nothing.

use std::net::SocketAddr;

use super::pflag::{Flags, Takes};
use crate::config::stand_in::About;
use crate::config::{Embedded, Serve};
use crate::outbound::stand_in;

/// The switches of etcd, which take no value.
const SWITCHES: &[&str] = &[
    "auto-tls",
    "client-cert-auth",
    "debug",
    "enable-grpc-gateway",
    "enable-pprof",
    "enable-v2",
    "force-new-cluster",
    "help",
    "log-rotation-config-json",
    "peer-auto-tls",
    "peer-client-cert-auth",
    "pre-vote",
    "strict-reconfig-check",
    "unsafe-no-fsync",
    "version",
];

const HELP: &str = "\
Usage:
  etcd [flags]

This is Portcullis. It answers health checks as etcd does and holds no data; a kube-apiserver that is
Portcullis, too, keeps its store in the data directory. Other flags of etcd are taken and have no effect.

Flags:
  --data-dir 'default.etcd'
    Path to the data directory.
  --listen-client-urls 'http://localhost:2379'
    List of URLs to listen on for client traffic.
  --unsafe-no-fsync 'false'
    Whether the store does not wait for the disk.
";

/// What a command line means.
#[derive(Debug)]
pub enum Invocation {
    /// Print something, and end.
    Text(String),
    /// Serve.
    Serve(StandIn),
}

/// A server in etcd's place.
#[derive(Debug, PartialEq, Eq)]
pub struct StandIn {
    /// The addresses it listens on.
    pub listen: Vec<SocketAddr>,
    /// Its description of itself.
    pub about: About,
}

/// Reads etcd's command line, without the program's name.
///
/// # Errors
/// A sentence that names the flag at fault.
pub fn read(arguments: impl IntoIterator<Item = String>) -> Result<Invocation, String> {
    let takes = |name: &str| match SWITCHES.contains(&name) {
        true => Some(Takes::Switch),
        false => Some(Takes::Value),
    };
    let flags = Flags::parse(arguments, takes)?;
    if flags.is_on("help") {
        return Ok(Invocation::Text(HELP.to_owned()));
    }
    if flags.is_on("version") {
        return Ok(Invocation::Text(
            "etcd Version: 3.5.3\nPortcullis: in its place\n".to_owned(),
        ));
    }
    let given = |name: &str| flags.last(name).filter(|value| !value.is_empty());
    let urls = given("listen-client-urls").unwrap_or("http://127.0.0.1:2379");
    let dir = given("data-dir").unwrap_or("default.etcd");
    let data_dir = std::path::absolute(dir).map_err(|why| format!("--data-dir: {why}"))?;
    Ok(Invocation::Serve(StandIn {
        listen: urls.split(',').map(address).collect::<Result<_, _>>()?,
        about: About {
            data_dir,
            unsafe_no_fsync: flags.is_on("unsafe-no-fsync"),
        },
    }))
}

/// The address of a URL to listen on.
fn address(url: &str) -> Result<SocketAddr, String> {
    let refused = |why: &str| format!("--listen-client-urls: {url:?}: {why}");
    let parsed = url::Url::parse(url).map_err(|why| refused(&why.to_string()))?;
    if parsed.scheme() != "http" {
        return Err(refused("only http is served in etcd's place"));
    }
    let addresses = parsed.socket_addrs(|| Some(2379));
    let addresses = addresses.map_err(|why| refused(&why.to_string()))?;
    addresses
        .first()
        .copied()
        .ok_or_else(|| refused("no address"))
}

/// Selects the embedded store if `--etcd-servers` names a stand-in. An address at which nothing listens yet
/// is waited for as long as etcd is.
pub async fn settle(options: &mut Serve) {
    let etcd = &options.etcd;
    let [server] = &etcd.etcd_servers[..] else {
        return;
    };
    let Ok(address) = address(server) else { return };
    let Some(about) = stand_in::about(address, etcd.etcd_startup_timeout).await else {
        return;
    };
    options.etcd.etcd_servers.clear();
    options.embedded = Embedded {
        dir: Some(about.data_dir.join("portcullis")),
        unsafe_no_fsync: about.unsafe_no_fsync,
        in_memory: false,
    };
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn stand_in(words: &[&str]) -> Result<StandIn, String> {
        match read(words.iter().map(|word| (*word).to_owned()))? {
            Invocation::Serve(stand_in) => Ok(stand_in),
            Invocation::Text(text) => panic!("{text}"),
        }
    }

    #[test]
    fn etcds_command_lines_are_taken() {
        // envtest's
        let one = stand_in(&[
            "--advertise-client-urls=http://127.0.0.1:4001",
            "--listen-client-urls=http://127.0.0.1:4001",
            "--listen-peer-urls=http://127.0.0.1:4002",
            "--data-dir=/tmp/etcd",
            "--unsafe-no-fsync=true",
        ])
        .unwrap();
        assert_eq!(one.listen, ["127.0.0.1:4001".parse().unwrap()]);
        assert_eq!(one.about.data_dir, PathBuf::from("/tmp/etcd"));
        assert!(one.about.unsafe_no_fsync);
        // jenvtest's
        let other = stand_in(&[
            "-data-dir",
            "/d",
            "-wal-dir",
            "/w",
            "--listen-client-urls",
            "http://0.0.0.0:1",
        ]);
        let other = other.unwrap();
        assert_eq!(other.about.data_dir, PathBuf::from("/d"));
        assert!(!other.about.unsafe_no_fsync);
        assert!(
            matches!(read(["--help".to_owned()]), Ok(Invocation::Text(text)) if text.contains("--unsafe-no-fsync"))
        );
    }

    #[test]
    fn what_cannot_be_listened_on_is_named() {
        for url in ["https://127.0.0.1:1", "nope", "http://"] {
            let error = stand_in(&[&format!("--listen-client-urls={url}")]).unwrap_err();
            assert!(error.starts_with("--listen-client-urls: "), "{error}");
        }
    }
}
