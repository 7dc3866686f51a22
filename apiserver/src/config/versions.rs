//! Options about which versions of resources are served.

use clap::Args;
use portcullis_kinds::offer::{Choice, RuntimeConfig, RuntimeConfigError};
use portcullis_kinds::release::Release;

/// Which versions of resources are served.
#[derive(Args, Clone, Debug, Default)]
pub struct Versions {
    /// The release of Kubernetes to be, such as 1.30 or kube=1.30, from 1.20 to 1.37: its versions of
    /// resources are served, and /version says so. If not given, it is 1.24 with every stable version of
    /// today.
    #[arg(long)]
    pub emulated_version: Option<Release>,
    /// Versions to serve or not, whatever the release has: GROUP/VERSION, GROUP/VERSION/RESOURCE, api/all, api/ga,
    /// api/beta or api/alpha, each with =true or =false behind it.
    #[arg(long, value_delimiter = ',')]
    pub runtime_config: Vec<String>,
}

impl Versions {
    /// What they choose, where pod security policies are enforced or not.
    ///
    /// # Errors
    /// For an entry of `--runtime-config` that means nothing.
    pub fn choice(&self, enforces_policies: bool) -> Result<Choice, RuntimeConfigError> {
        let entries = self.runtime_config.iter().map(String::as_str);
        Ok(Choice {
            release: self.emulated_version,
            pod_security_policies: enforces_policies || self.emulated_version.is_none(),
            runtime_config: RuntimeConfig::parse(entries)?,
        })
    }
}
