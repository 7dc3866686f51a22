//! Reading kubeconfig files, as far as this program needs them: servers, and credentials in the file or in
//! files that it names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use thiserror::Error;

use crate::endpoints::body;

/// Why a kubeconfig is unusable. Secret values are never shown.
#[derive(Debug, Error)]
pub enum KubeconfigError {
    /// There is none.
    #[error("no kubeconfig: name one with --kubeconfig or KUBECONFIG")]
    None,
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not a kubeconfig.
    #[error("{}: not a kubeconfig", .0.display())]
    Malformed(PathBuf),
    /// An entry that it should have is missing.
    #[error("the kubeconfig has no {what} {name:?}")]
    Missing {
        /// A context, a cluster or a user.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A part that this program does not support.
    #[error("{what} {name:?}: {why}")]
    Unusable {
        /// A cluster or a user.
        what: &'static str,
        /// Its name.
        name: String,
        /// Why.
        why: &'static str,
    },
}

/// One or several files merged: of two entries of the same name the first counts.
#[derive(Default)]
pub struct Kubeconfig {
    current: String,
    contexts: BTreeMap<String, Context>,
    clusters: BTreeMap<String, Cluster>,
    users: BTreeMap<String, User>,
}

/// The user, the cluster and the namespace.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Context {
    /// The cluster's name.
    pub cluster: String,
    /// The user's name.
    pub user: String,
    /// The namespace, empty for `default`.
    pub namespace: String,
}

impl Context {
    /// The given namespace, or else the context's.
    pub fn namespace(&self, given: Option<&str>) -> String {
        let given = given.filter(|given| !given.is_empty());
        let own = Some(self.namespace.as_str()).filter(|own| !own.is_empty());
        given.or(own).unwrap_or("default").to_owned()
    }
}

/// A server.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Cluster {
    server: String,
    certificate_authority: Option<PathBuf>,
    certificate_authority_data: Option<String>,
    insecure_skip_tls_verify: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct User {
    #[serde(rename = "client-certificate")]
    client_certificate: Option<PathBuf>,
    #[serde(rename = "client-certificate-data")]
    client_certificate_data: Option<String>,
    #[serde(rename = "client-key")]
    client_key: Option<PathBuf>,
    #[serde(rename = "client-key-data")]
    client_key_data: Option<String>,
    token: Option<String>,
    #[serde(rename = "tokenFile")]
    token_file: Option<PathBuf>,
    username: Option<String>,
    password: Option<String>,
    exec: Option<serde_json::Value>,
}

/// The address of a server, and its authority as PEM.
pub struct Server {
    /// Its URL, such as `https://127.0.0.1:6443`.
    pub url: String,
    /// The authority; empty for those that the system trusts.
    pub authority: Vec<u8>,
    /// Whether any certificate is accepted.
    pub is_insecure: bool,
}

/// The credentials of a user.
#[derive(Default)]
pub struct Credentials {
    /// The value of the `Authorization` header.
    pub authorization: Option<String>,
    /// A chain and its key, as PEM.
    pub certificate: Option<(Vec<u8>, Vec<u8>)>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct File {
    current_context: String,
    contexts: Vec<NamedPart>,
    clusters: Vec<NamedPart>,
    users: Vec<NamedPart>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NamedPart {
    name: String,
    context: Context,
    cluster: Cluster,
    user: User,
}

impl Kubeconfig {
    /// The file named, or else those of `KUBECONFIG`, or else `~/.kube/config`.
    ///
    /// # Errors
    /// [`KubeconfigError`].
    pub fn load(named: Option<&Path>) -> Result<Self, KubeconfigError> {
        let mut merged = Self::default();
        let paths = match named {
            Some(path) => vec![path.to_owned()],
            None => from_environment()?,
        };
        for path in &paths {
            merged.add(path)?;
        }
        Ok(merged)
    }

    /// A context; the current one, if none is named.
    ///
    /// # Errors
    /// [`KubeconfigError::Missing`].
    pub fn context(&self, name: Option<&str>) -> Result<&Context, KubeconfigError> {
        find("context", name.unwrap_or(&self.current), &self.contexts)
    }

    /// The server of a context. Without a named authority the system's are accepted.
    ///
    /// # Errors
    /// [`KubeconfigError`]; as in kubectl, for an authority that would not be used.
    pub fn server(&self, context: &Context) -> Result<Server, KubeconfigError> {
        let name = &context.cluster;
        let cluster = find("cluster", name, &self.clusters)?;
        let part = Part {
            what: "cluster",
            name,
        };
        let authority = part.data_or_file(
            cluster.certificate_authority_data.as_deref(),
            cluster.certificate_authority.as_deref(),
        )?;
        let is_insecure = cluster.insecure_skip_tls_verify;
        if is_insecure && authority.is_some() {
            return Err(part.unusable(
                "it names an authority, and with insecure-skip-tls-verify accepts any certificate",
            ));
        }
        Ok(Server {
            url: cluster.server.clone(),
            authority: authority.unwrap_or_default(),
            is_insecure,
        })
    }

    /// Whether there is a user of this name.
    pub fn has_user(&self, name: &str) -> bool {
        self.users.contains_key(name)
    }

    /// The credentials of a user.
    ///
    /// # Errors
    /// [`KubeconfigError`].
    pub fn credentials(&self, name: &str) -> Result<Credentials, KubeconfigError> {
        let user = find("user", name, &self.users)?;
        let part = Part { what: "user", name };
        if user.exec.is_some() {
            return Err(part.unusable("credentials of a plugin (exec) are not supported"));
        }
        let certificate = part.data_or_file(
            user.client_certificate_data.as_deref(),
            user.client_certificate.as_deref(),
        )?;
        let key = part.data_or_file(user.client_key_data.as_deref(), user.client_key.as_deref())?;
        let token = match (&user.token, &user.token_file) {
            (Some(token), _) => Some(token.clone()),
            (None, Some(path)) => {
                let token = String::from_utf8(read(path)?);
                let token = token.map_err(|_| part.unusable("its token is not text"))?;
                Some(token.trim().to_owned())
            }
            (None, None) => None,
        };
        let authorization = match (token, &user.username) {
            (Some(token), _) => Some(format!("Bearer {token}")),
            (None, Some(name)) => {
                let password = user.password.as_deref().unwrap_or_default();
                let pair = STANDARD.encode(format!("{name}:{password}"));
                Some(format!("Basic {pair}"))
            }
            (None, None) => None,
        };
        Ok(Credentials {
            authorization,
            certificate: certificate.zip(key),
        })
    }

    fn add(&mut self, path: &Path) -> Result<(), KubeconfigError> {
        let wrong = || KubeconfigError::Malformed(path.to_owned());
        let value = body::yaml(&read(path)?).map_err(|_| wrong())?;
        let file: File = serde_json::from_value(value).map_err(|_| wrong())?;
        if self.current.is_empty() {
            self.current = file.current_context;
        }
        let beside = path.parent().unwrap_or(Path::new(""));
        for part in file.contexts {
            self.contexts.entry(part.name).or_insert(part.context);
        }
        for NamedPart { name, cluster, .. } in file.clusters {
            let cluster = Cluster {
                certificate_authority: cluster.certificate_authority.map(|p| beside.join(p)),
                ..cluster
            };
            self.clusters.entry(name).or_insert(cluster);
        }
        for NamedPart { name, user, .. } in file.users {
            let user = User {
                client_certificate: user.client_certificate.map(|p| beside.join(p)),
                client_key: user.client_key.map(|p| beside.join(p)),
                token_file: user.token_file.map(|p| beside.join(p)),
                ..user
            };
            self.users.entry(name).or_insert(user);
        }
        Ok(())
    }
}

/// A part of a kubeconfig, for messages.
struct Part<'a> {
    what: &'static str,
    name: &'a str,
}

impl Part<'_> {
    fn unusable(&self, why: &'static str) -> KubeconfigError {
        KubeconfigError::Unusable {
            what: self.what,
            name: self.name.to_owned(),
            why,
        }
    }

    /// Inline data take precedence over a named file.
    fn data_or_file(
        &self,
        data: Option<&str>,
        path: Option<&Path>,
    ) -> Result<Option<Vec<u8>>, KubeconfigError> {
        match (data.filter(|data| !data.is_empty()), path) {
            (Some(data), _) => {
                let decoded = STANDARD.decode(data.trim());
                let decoded = decoded.map_err(|_| self.unusable("its data is not base64"))?;
                Ok(Some(decoded))
            }
            (None, Some(path)) => read(path).map(Some),
            (None, None) => Ok(None),
        }
    }
}

fn find<'a, T>(
    what: &'static str,
    name: &str,
    parts: &'a BTreeMap<String, T>,
) -> Result<&'a T, KubeconfigError> {
    parts.get(name).ok_or_else(|| KubeconfigError::Missing {
        what,
        name: name.to_owned(),
    })
}

fn from_environment() -> Result<Vec<PathBuf>, KubeconfigError> {
    if let Some(list) = std::env::var_os("KUBECONFIG").filter(|list| !list.is_empty()) {
        let named = std::env::split_paths(&list).filter(|p| !p.as_os_str().is_empty());
        // as kubectl, which ignores missing files
        let there: Vec<_> = named.filter(|path| path.exists()).collect();
        return if there.is_empty() {
            Err(KubeconfigError::None)
        } else {
            Ok(there)
        };
    }
    let home = std::env::var_os("HOME").ok_or(KubeconfigError::None)?;
    let path = Path::new(&home).join(".kube/config");
    if path.exists() {
        Ok(vec![path])
    } else {
        Err(KubeconfigError::None)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, KubeconfigError> {
    std::fs::read(path).map_err(|source| KubeconfigError::Io {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests;
