//! Kubeconfig files, for kubectl and everything else that reads them.

pub mod client;
pub mod read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::pki::Identity;

/// A kubeconfig without a user: the address of a server, and its authority as PEM.
pub fn cluster(server: &str, authority: &str) -> String {
    let authority = STANDARD.encode(authority);
    format!(
        "apiVersion: v1\n\
         clusters:\n\
         - cluster:\n    certificate-authority-data: {authority}\n    server: {server}\n  name: \"\"\n\
         contexts: null\n\
         current-context: \"\"\n\
         kind: Config\n\
         preferences: {{}}\n\
         users: null\n"
    )
}

/// A kubeconfig for one user of one server.
pub struct Kubeconfig<'a> {
    /// The server's URL, such as `https://127.0.0.1:6443`.
    pub server: &'a str,
    /// The authority that signed the server's certificate, as PEM.
    pub authority: &'a str,
    /// The user's name.
    pub user: &'a str,
    /// The user's certificate and key.
    pub identity: &'a Identity,
}

impl Kubeconfig<'_> {
    /// The file's text.
    pub fn to_yaml(&self) -> String {
        let encode = |pem: &str| STANDARD.encode(pem);
        let credentials = format!(
            "client-certificate-data: {certificate}\n    client-key-data: {key}",
            certificate = encode(&self.identity.certificate),
            key = encode(&self.identity.key),
        );
        yaml(self.server, self.authority, self.user, &credentials)
    }
}

/// A kubeconfig for a user that a token identifies.
pub fn with_token(server: &str, authority: &str, user: &str, token: &str) -> String {
    yaml(server, authority, user, &format!("token: {token:?}"))
}

fn yaml(server: &str, authority: &str, user: &str, credentials: &str) -> String {
    let authority = STANDARD.encode(authority);
    // A JSON string is a YAML string too, whatever the name has in it.
    let (user, server) = (format!("{user:?}"), format!("{server:?}"));
    format!(
        "apiVersion: v1\n\
         kind: Config\n\
         current-context: portcullis\n\
         clusters:\n\
         - name: portcullis\n  cluster:\n    server: {server}\n    certificate-authority-data: {authority}\n\
         contexts:\n\
         - name: portcullis\n  context:\n    cluster: portcullis\n    user: {user}\n\
         users:\n\
         - name: {user}\n  user:\n    {credentials}\n",
    )
}
