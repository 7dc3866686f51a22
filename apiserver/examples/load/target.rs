//! A running server, and a cluster admin's clients for it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use portcullis::pki::Authority;
use serde_json::{Value, json};

use crate::client::{Client, Connection};

/// How much client-go receives before it has read it.
const WINDOW: u32 = 4 << 20;

/// The path of config maps.
pub const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// A server's address and its data directory, as `127.0.0.1:6443@portcullis-data`.
#[derive(Clone, Debug)]
pub struct Target {
    address: SocketAddr,
    data_dir: PathBuf,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, dir) = text.split_once('@').ok_or("not ADDRESS@DATA-DIR")?;
        Ok(Self {
            address: address.parse().map_err(|e| format!("{address}: {e}"))?,
            data_dir: dir.into(),
        })
    }
}

impl Target {
    /// A cluster admin.
    pub fn admin(&self) -> Client {
        let authority = Authority::in_dir(&self.data_dir.join("pki")).unwrap();
        let identity = authority.client("load", Some("system:masters")).unwrap();
        let mut client = Client::new(self.address, authority.certificate(), Some(&identity));
        client.window = WINDOW;
        client
    }

    /// This many connections of the admin.
    pub async fn connections(&self, count: usize) -> Vec<Connection> {
        let admin = self.admin();
        let mut connections = Vec::with_capacity(count);
        for _ in 0..count {
            connections.push(admin.connect().await.unwrap());
        }
        connections
    }
}

/// A config map that takes about 2 KiB in the store, and repeats its name in every line.
pub fn map(name: &str) -> Value {
    let line = format!("{name}\n");
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {"lines": line.repeat(1600 / line.len())},
    })
}
