//! Users of an environment.

use std::path::PathBuf;

use http::Method;
use portcullis::kubeconfig::client::{ApiClient, ClientError, message};
use portcullis::kubeconfig::{Kubeconfig, with_token};
use portcullis::pki::{self, Identity};
use portcullis_api::UserInfo;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::environment::TestEnv;
use crate::error::Error;

/// A user of an environment, and what proves who that is.
#[derive(Clone, Debug)]
pub struct User {
    name: String,
    token: String,
    certificate: Option<Identity>,
    kubeconfig: String,
    file: PathBuf,
}

impl TestEnv {
    /// A user, who is in these groups and in `system:authenticated`, and may do what RBAC says. One of the
    /// group `system:masters` may do everything.
    ///
    /// # Errors
    /// [`Error::User`], for a name that no certificate can hold.
    pub fn user(&self, name: &str, groups: &[&str]) -> Result<User, Error> {
        User::new(self, name, groups)
    }

    /// A service account, made if it does not exist, with a token that the server has signed for it.
    ///
    /// # Errors
    /// [`Error::Request`], where there is no such namespace for example.
    pub async fn service_account(&self, namespace: &str, name: &str) -> Result<User, Error> {
        User::service_account(self, namespace, name).await
    }
}

impl User {
    pub(crate) fn new(env: &TestEnv, name: &str, groups: &[&str]) -> Result<Self, Error> {
        let identity = env.authority.user(name, groups);
        let identity = identity.map_err(|why| Error::User {
            user: name.to_owned(),
            why,
        })?;
        let token = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let user = UserInfo {
            name: name.to_owned(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            ..UserInfo::default()
        };
        env.tokens.issue(&token, user);
        let kubeconfig = Kubeconfig {
            server: env.url(),
            authority: env.authority(),
            user: name,
            identity: &identity,
        };
        Ok(Self {
            name: name.to_owned(),
            kubeconfig: kubeconfig.to_yaml(),
            token,
            certificate: Some(identity),
            file: file(env),
        })
    }

    pub(crate) async fn service_account(
        env: &TestEnv,
        namespace: &str,
        name: &str,
    ) -> Result<Self, Error> {
        let requests = env.requests()?;
        let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
        let account = json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name }
        });
        // it may exist already
        post(&requests, &accounts, &account, 409).await?;
        let request = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest" });
        let path = format!("{accounts}/{name}/token");
        let answer = post(&requests, &path, &request, 201).await?;
        let token = answer["status"]["token"].as_str().unwrap_or_default();
        let name = format!("system:serviceaccount:{namespace}:{name}");
        Ok(Self {
            kubeconfig: with_token(env.url(), env.authority(), &name, token),
            name,
            token: token.to_owned(),
            certificate: None,
            file: file(env),
        })
    }

    /// The name that the server knows the user by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A bearer token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// A client certificate, as PEM; none for a service account.
    pub fn certificate(&self) -> Option<&str> {
        self.certificate
            .as_ref()
            .map(|own| own.certificate.as_str())
    }

    /// The key of the certificate, as PEM.
    pub fn key(&self) -> Option<&str> {
        self.certificate.as_ref().map(|own| own.key.as_str())
    }

    /// A kubeconfig, with the certificate, or else with the token.
    pub fn kubeconfig(&self) -> &str {
        &self.kubeconfig
    }

    /// A file with [`User::kubeconfig`], in the environment's directory.
    ///
    /// # Errors
    /// [`Error::User`], if it cannot be written: when the environment has ended, for one.
    pub fn kubeconfig_path(&self) -> Result<PathBuf, Error> {
        let written = match self.file.parent().is_some_and(std::path::Path::is_dir) {
            true => pki::write(&self.file, self.kubeconfig.as_bytes(), 0o600),
            false => return Err(self.fault("the environment has ended".to_owned())),
        };
        written.map_err(|error| self.fault(error.to_string()))?;
        Ok(self.file.clone())
    }

    fn fault(&self, why: String) -> Error {
        Error::User {
            user: self.name.clone(),
            why,
        }
    }
}

fn file(env: &TestEnv) -> PathBuf {
    let directory = env.directory.path();
    directory.join(format!("user-{}.kubeconfig", Uuid::new_v4().simple()))
}

/// The object that the server answers with; with the code `also`, whatever it is.
async fn post(requests: &ApiClient, path: &str, body: &Value, also: u16) -> Result<Value, Error> {
    let reply = requests.send(Method::POST, path, body.to_string().into_bytes());
    let reply = reply.await?;
    if !matches!(reply.code, 200 | 201) && reply.code != also {
        let (code, message) = (reply.code, message(&reply));
        return Err(ClientError::Refused { code, message }.into());
    }
    Ok(serde_json::from_slice(&reply.body).map_err(ClientError::from)?)
}
