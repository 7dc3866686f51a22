//! What a file says of plugins (`--admission-control-config-file`): for each plugin, its own document.

pub(crate) mod event_limits;
pub(crate) mod limited_resources;
pub(crate) mod node_selectors;
pub(crate) mod pod_security;

use portcullis_api::field_error::{aggregate, go_quote};
use portcullis_api::{ErrorList, FieldError, Path};
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::event_limits::EventLimit;
use self::limited_resources::LimitedResource;
use self::node_selectors::NodeSelectors;
use self::pod_security::PodSecurityDefaults;

/// The configurations of all plugins.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    pub(crate) pod_security: PodSecurityDefaults,
    pub(crate) node_selectors: NodeSelectors,
    pub(crate) event_limits: Vec<EventLimit>,
    pub(crate) limited_resources: Vec<LimitedResource>,
}

impl Configuration {
    /// Reads the document of a plugin. Returns whether the plugin has a configuration.
    ///
    /// # Errors
    /// What is wrong with the document, with the path of the field at fault.
    pub fn read(&mut self, plugin: &str, document: Value) -> Result<bool, String> {
        match plugin {
            "PodSecurity" => self.pod_security = pod_security::read(document)?,
            "PodNodeSelector" => self.node_selectors = node_selectors::read(document)?,
            "EventRateLimit" => self.event_limits = event_limits::read(document)?,
            "ResourceQuota" => self.limited_resources = limited_resources::read(document)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Whether a plugin can run without a document of its own, or has one.
    pub fn suffices(&self, plugin: &str) -> bool {
        plugin != "EventRateLimit" || !self.event_limits.is_empty()
    }
}

/// The fields of a document of one of these versions.
pub(crate) fn fields<T: DeserializeOwned>(
    mut document: Value,
    versions: &[(&str, &str)],
) -> Result<T, String> {
    let text = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or("");
    let (version, kind) = (text("apiVersion"), text("kind"));
    if !versions.contains(&(version, kind)) {
        let (kind, version) = (go_quote(kind), go_quote(version));
        return Err(format!(
            "no kind {kind} is registered for version {version}"
        ));
    }
    if let Some(document) = document.as_object_mut() {
        document.remove("apiVersion");
        document.remove("kind");
    }
    serde_json::from_value(document).map_err(|why| why.to_string())
}

/// The value, if nothing is wrong with it.
pub(crate) fn checked<T>(value: T, errors: &ErrorList) -> Result<T, String> {
    match errors.as_slice() {
        [] => Ok(value),
        errors => Err(aggregate(errors)),
    }
}

/// Checks a list of names, which are there once.
pub(crate) fn check_names(
    names: &[String],
    path: &Path,
    wrong: fn(&str) -> Vec<String>,
    errors: &mut ErrorList,
) {
    for (at, name) in names.iter().enumerate() {
        let path = path.index(at);
        let why = wrong(name);
        if name.is_empty() {
            errors.push(FieldError::required(&path, ""));
        } else if !why.is_empty() {
            errors.push(FieldError::invalid(&path, name.as_str(), why.join(", ")));
        } else if names.iter().take(at).any(|before| before == name) {
            errors.push(FieldError::duplicate(&path, name.as_str()));
        }
    }
}

#[cfg(test)]
mod tests;
