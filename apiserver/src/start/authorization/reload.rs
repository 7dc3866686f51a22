//! The file of `--authorization-config`, read again when it changes.
//!
//! Upstream: `reloadableAuthorizerResolver` in `pkg/kubeapiserver/authorizer/reload.go`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use portcullis_authn::{FileError, Reload};

use super::{BuiltIn, authorization_config, members};
use crate::access::metrics::AuthorizationMetrics;
use crate::access::replaceable::Replaceable;
use crate::files;
use crate::metrics::ConfigMetrics;

/// Replaces the authorizers by those of a changed file. What is wrong with one text is reported once.
pub(super) struct AuthorizationReload {
    pub(super) path: PathBuf,
    /// The text that was read last, valid or not.
    pub(super) text: Mutex<Vec<u8>>,
    pub(super) built_in: BuiltIn,
    pub(super) metrics: AuthorizationMetrics,
    pub(super) config_metrics: ConfigMetrics,
    pub(super) authorizer: Arc<Replaceable>,
}

impl AuthorizationReload {
    fn changed(&self) -> Result<bool, FileError> {
        let text = files::read(&self.path)?;
        let mut last = self.text.lock();
        if *last == text {
            return Ok(false);
        }
        text.clone_into(&mut last);
        let invalid = |why: String| files::unusable(&self.path, &why);
        let configured = authorization_config::read(&self.path, &text).map_err(invalid)?;
        let members = members(configured, &self.metrics);
        let members = members.map_err(|why| invalid(why.to_string()))?;
        let union = self.built_in.union(members, &self.metrics);
        self.authorizer.replace(Arc::new(union.map_err(invalid)?));
        self.config_metrics.reloaded(&text);
        Ok(true)
    }
}

impl Reload for AuthorizationReload {
    fn path(&self) -> &Path {
        &self.path
    }

    fn reload(&self) -> Result<bool, FileError> {
        let changed = self.changed();
        if changed.is_err() {
            self.config_metrics.failed();
        }
        changed
    }
}
