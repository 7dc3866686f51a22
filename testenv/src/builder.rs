//! What an environment is to be.

use std::path::PathBuf;
use std::sync::Arc;

use portcullis::config::Serve;
use portcullis_authn::IssuedTokens;
use tempfile::TempDir;

use crate::definitions;
use crate::environment::TestEnv;
use crate::error::Error;
use crate::running::Running;

/// An environment to be: [`TestEnv::builder`].
#[derive(Clone, Debug, Default)]
pub struct Builder {
    flags: Vec<String>,
    definitions: Vec<PathBuf>,
}

impl TestEnv {
    /// Starts an environment with the options that `portcullis serve` has by default.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn start() -> Result<Self, Error> {
        Self::builder().start().await
    }

    /// An environment with other options.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Builder {
    /// A flag of `portcullis serve`, such as `--anonymous-auth=false`. All of them work but `--data-dir`, which is the
    /// environment's own. With `--etcd-servers` the store is in etcd, and stays there.
    #[must_use]
    pub fn flag(mut self, flag: impl Into<String>) -> Self {
        self.flags.push(flag.into());
        self
    }

    /// Who decides what users may do, instead of RBAC: modes of `--authorization-mode`, such as `AlwaysAllow`.
    #[must_use]
    pub fn authorization(self, modes: &[&str]) -> Self {
        self.flag(format!("--authorization-mode={}", modes.join(",")))
    }

    /// Admission plugins besides those that run by default.
    #[must_use]
    pub fn enable_admission(self, plugins: &[&str]) -> Self {
        self.flag(format!("--enable-admission-plugins={}", plugins.join(",")))
    }

    /// Admission plugins that run by default, and not here.
    #[must_use]
    pub fn disable_admission(self, plugins: &[&str]) -> Self {
        self.flag(format!("--disable-admission-plugins={}", plugins.join(",")))
    }

    /// A file, or a folder of files, with custom resource definitions. The environment has started once they
    /// are established; other kinds in these files are passed over.
    #[must_use]
    pub fn definitions(mut self, path: impl Into<PathBuf>) -> Self {
        self.definitions.push(path.into());
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// [`Error`], after which nothing is left of it.
    pub async fn start(self) -> Result<TestEnv, Error> {
        let mut directory = tempfile::Builder::new();
        let directory = directory.prefix("portcullis-testenv-").tempdir();
        let directory = directory.map_err(Error::system("make a directory"))?;
        let tokens = Arc::<IssuedTokens>::default();
        let options = options(&self.flags, &directory, &tokens)?;
        let kubeconfig = portcullis::start::kubeconfig::kubeconfig_path(&options);
        let running = Running::start(options).await?;
        let env = TestEnv::new(running, directory, kubeconfig, tokens)?;
        definitions::apply(&env, &self.definitions).await?;
        Ok(env)
    }
}

fn options(
    flags: &[String],
    directory: &TempDir,
    tokens: &Arc<IssuedTokens>,
) -> Result<Serve, Error> {
    let own = [
        format!("--data-dir={}", directory.path().display()),
        // two of a flag are an error
        "--secure-port=0".to_owned(),
    ];
    let has_port = flags.iter().any(|flag| flag.starts_with("--secure-port"));
    let own = own.iter().take(if has_port { 1 } else { 2 });
    let mut options = Serve::from_flags(own.chain(flags)).map_err(Error::Flag)?;
    options.embedded.in_memory = true;
    options.issued_tokens = Some(tokens.clone());
    Ok(options)
}
