//! The command with which a machine joins.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};

use super::{TokenError, read};
use crate::endpoints::body;
use crate::kubeconfig::client::ApiClient;

const CLUSTER_INFO: &str = "/api/v1/namespaces/kube-public/configmaps/cluster-info";
const AUTHENTICATION: &str =
    "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication";
const BOOTSTRAP: &str = "/etc/kubernetes/bootstrap-kubelet.conf";
const AUTHORITIES: &str = "/etc/kubernetes/pki/ca.crt";

/// The data that a joining machine needs.
pub(super) struct Target {
    /// The server and its authority, as an entry of a kubeconfig.
    cluster: Value,
    /// The authorities of the kubelet's clients, as PEM.
    authorities: String,
}

impl Target {
    /// Reads what the server publishes.
    ///
    /// # Errors
    /// [`TokenError::Off`] if it publishes nothing.
    pub(super) async fn find(session: &ApiClient) -> Result<Self, TokenError> {
        let off = || TokenError::Off(session.server());
        let info = session.send(Method::GET, CLUSTER_INFO, Vec::new()).await?;
        if info.code == 404 {
            return Err(off());
        }
        let info = read(&info)?;
        let config = info.pointer("/data/kubeconfig").and_then(Value::as_str);
        let config = body::yaml(config.unwrap_or_default().as_bytes()).map_err(|_| off())?;
        let cluster = config.pointer("/clusters/0/cluster").ok_or_else(off)?;
        let authorities = session
            .send(Method::GET, AUTHENTICATION, Vec::new())
            .await?;
        let authorities = read(&authorities)?;
        let authorities = authorities.pointer("/data/client-ca-file");
        Ok(Self {
            cluster: cluster.clone(),
            authorities: authorities
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
        })
    }

    /// The command: it writes the files that a kubelet needs, and starts it. JSON is YAML too, and has no
    /// quotes that a shell would interpret.
    pub(super) fn command(&self, token: &str) -> String {
        let (cluster, user) = ("portcullis", "bootstrap");
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": user,
            "clusters": [{"name": cluster, "cluster": self.cluster}],
            "contexts": [{"name": user, "context": {"cluster": cluster, "user": user}}],
            "users": [{"name": user, "user": {"token": token}}],
        });
        let config = config.to_string().replace('\'', "\\u0027");
        let authorities = STANDARD.encode(&self.authorities);
        format!(
            "mkdir -p /etc/kubernetes/pki && (umask 077; echo '{config}' > {BOOTSTRAP}) && \
             echo {authorities} | base64 -d > {AUTHORITIES} && \
             kubelet --bootstrap-kubeconfig={BOOTSTRAP} --kubeconfig=/etc/kubernetes/kubelet.conf \
             --rotate-certificates --client-ca-file={AUTHORITIES} --anonymous-auth=false \
             --authentication-token-webhook --authorization-mode=Webhook\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_writes_a_kubeconfig() {
        let target = Target {
            cluster: json!({"server": "https://it's:6443"}),
            authorities: "a".to_owned(),
        };
        let command = target.command("abcdef.0123456789abcdef");
        let quoted: Vec<_> = command.split('\'').collect();
        assert_eq!(quoted.len(), 3, "{command}");
        let config: Value = serde_json::from_str(quoted[1]).unwrap();
        assert_eq!(
            config["clusters"][0]["cluster"]["server"],
            "https://it's:6443"
        );
        assert_eq!(
            config["users"][0]["user"]["token"],
            "abcdef.0123456789abcdef"
        );
        assert!(
            command.ends_with("--authorization-mode=Webhook\n"),
            "{command}"
        );
    }
}
