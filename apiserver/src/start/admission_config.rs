//! The file that configures admission plugins.
//!
//! Upstream: `k8s.io/apiserver/pkg/admission/config.go`, `plugin/webhook/config/kubeconfig.go` and
//! `pkg/util/webhook/authentication.go`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis_admission::plugins::known;
use portcullis_admission::{Configuration, Selection};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::endpoints::body;
use crate::kubeconfig::read::Kubeconfig;
use crate::outbound::webhook_client::Credentials;
use crate::outbound::webhooks::CredentialsOf;
use crate::start::StartError;

const OPTION: &str = "--admission-control-config-file";

/// What the file says.
pub struct AdmissionConfig {
    /// The credentials that webhooks are shown.
    pub webhooks: WebhookCredentials,
    /// What it says of other plugins.
    pub plugins: Configuration,
}

/// The credentials that webhooks of each kind are shown.
pub struct WebhookCredentials {
    /// For `MutatingAdmissionWebhook`.
    pub mutating: CredentialsOf,
    /// For `ValidatingAdmissionWebhook`.
    pub validating: CredentialsOf,
}

#[derive(Deserialize)]
struct AdmissionConfiguration {
    kind: String,
    #[serde(default)]
    plugins: Vec<Plugin>,
}

#[derive(Deserialize)]
struct Plugin {
    name: String,
    /// A file with the configuration, relative to this one if it is not absolute.
    path: Option<PathBuf>,
    configuration: Option<serde_json::Value>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WebhookAdmission {
    kind: String,
    kube_config_file: PathBuf,
}

/// Reads the file, if there is one, for the plugins that are selected.
///
/// # Errors
/// [`StartError`], also for a plugin that there is not, or that has no configuration, and for one that
/// needs a configuration and has none.
pub fn load(file: Option<&Path>, selection: &Selection) -> Result<AdmissionConfig, StartError> {
    let mut config = AdmissionConfig {
        webhooks: WebhookCredentials {
            mutating: none(),
            validating: none(),
        },
        plugins: Configuration::default(),
    };
    if let Some(file) = file {
        read_into(&mut config, file)?;
    }
    let mut names = selection.names().into_iter();
    if let Some(name) = names.find(|name| !config.plugins.suffices(name)) {
        let why = format!("the plugin {name} is enabled, and needs a configuration");
        return Err(StartError::option(OPTION, why));
    }
    Ok(config)
}

fn read_into(config: &mut AdmissionConfig, file: &Path) -> Result<(), StartError> {
    let configuration: AdmissionConfiguration = parse(&read(file)?, file)?;
    if configuration.kind != "AdmissionConfiguration" {
        return Err(wrong(file, "it is not an AdmissionConfiguration"));
    }
    let mut seen = BTreeSet::new();
    for (at, plugin) in configuration.plugins.into_iter().enumerate() {
        let name = plugin.name.clone();
        let at_fault = |why: &str| wrong(file, &format!("plugins[{at}].name: {why}"));
        if !seen.insert(name.clone()) {
            return Err(at_fault(&format!("Duplicate value: {name:?}")));
        }
        let credentials = match name.as_str() {
            "MutatingAdmissionWebhook" => &mut config.webhooks.mutating,
            "ValidatingAdmissionWebhook" => &mut config.webhooks.validating,
            _ => {
                let Some((document, named)) = document(plugin, file)? else {
                    continue;
                };
                let known = known().contains(&&*name);
                match config.plugins.read(&name, document) {
                    Ok(true) => continue,
                    Ok(false) if known => {
                        let why = format!("the plugin {name:?} has no configuration here");
                        return Err(at_fault(&why));
                    }
                    Ok(false) => return Err(at_fault(&format!("unknown plugin {name:?}"))),
                    Err(why) => return Err(wrong(&named, &format!("{name}: {why}"))),
                }
            }
        };
        if let Some(kubeconfig) = kubeconfig(plugin, file)? {
            let kubeconfig = Arc::new(kubeconfig);
            *credentials = Arc::new(move |server| find(&kubeconfig, server));
        }
    }
    Ok(())
}

/// The document with a plugin's configuration, and the file that it is in.
fn document(
    plugin: Plugin,
    file: &Path,
) -> Result<Option<(serde_json::Value, PathBuf)>, StartError> {
    match (plugin.configuration, plugin.path) {
        (Some(document), _) => Ok(Some((document, file.to_owned()))),
        (None, Some(path)) => {
            let path = file.parent().unwrap_or(Path::new("")).join(path);
            Ok(Some((parse(&read(&path)?, &path)?, path)))
        }
        (None, None) => Ok(None),
    }
}

/// No credentials for webhooks.
fn none() -> CredentialsOf {
    Arc::new(|_| Ok(Credentials::default()))
}

/// The kubeconfig in a plugin's configuration.
fn kubeconfig(plugin: Plugin, file: &Path) -> Result<Option<Kubeconfig>, StartError> {
    let Some((document, file)) = document(plugin, file)? else {
        return Ok(None);
    };
    let file = file.as_path();
    let webhooks: WebhookAdmission =
        serde_json::from_value(document).map_err(|why| wrong(file, &why.to_string()))?;
    if !matches!(
        &*webhooks.kind,
        "WebhookAdmission" | "WebhookAdmissionConfiguration"
    ) {
        return Err(wrong(file, "it is not a WebhookAdmissionConfiguration"));
    }
    if webhooks.kube_config_file.as_os_str().is_empty() {
        return Ok(None);
    }
    if !webhooks.kube_config_file.is_absolute() {
        let why = format!(
            "kubeConfigFile must be an absolute file path, not {:?}",
            webhooks.kube_config_file
        );
        return Err(wrong(file, &why));
    }
    let loaded = Kubeconfig::load(Some(&webhooks.kube_config_file));
    loaded
        .map(Some)
        .map_err(|why| StartError::option(OPTION, why))
}

/// The credentials of the user whose name matches a server: exactly, without the port 443, by a wildcard for
/// its first labels, or by `*`; otherwise those of the current context, if there is one.
fn find(kubeconfig: &Kubeconfig, server: &str) -> Result<Credentials, String> {
    let context = kubeconfig.context(None).ok();
    let user = names(server)
        .into_iter()
        .find(|name| kubeconfig.has_user(name))
        .or_else(|| context.map(|context| context.user.clone()));
    let Some(user) = user else {
        return Ok(Credentials::default());
    };
    let found = kubeconfig
        .credentials(&user)
        .map_err(|why| why.to_string())?;
    Ok(Credentials {
        authorization: found.authorization,
        certificate: found.certificate,
    })
}

/// The names of users that match a server, in order of precedence.
fn names(server: &str) -> Vec<String> {
    let without_port = |name: &str| name.strip_suffix(":443").map(str::to_owned);
    let mut names = vec![server.to_owned()];
    names.extend(without_port(server));
    for (dot, _) in server.match_indices('.') {
        let wildcard = format!("*{}", server.get(dot..).unwrap_or_default());
        names.extend(without_port(&wildcard).into_iter().chain([wildcard]));
    }
    names.push("*".to_owned());
    names
}

fn read(path: &Path) -> Result<Vec<u8>, StartError> {
    std::fs::read(path).map_err(|why| wrong(path, &why.to_string()))
}

fn parse<T: DeserializeOwned>(text: &[u8], path: &Path) -> Result<T, StartError> {
    let value = body::yaml(text).map_err(|_| wrong(path, "it is not YAML"))?;
    serde_json::from_value(value).map_err(|why| wrong(path, &why.to_string()))
}

fn wrong(path: &Path, why: &str) -> StartError {
    StartError::option(OPTION, format!("{}: {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_server_gets_the_credentials_of_the_closest_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kubeconfig");
        let user = |name: &str| json!({"name": name, "user": {"token": name}});
        let users = ["a.n.svc", "*.n.svc", "b.n.svc:8443", "h", "rest"].map(user);
        let config = json!({"users": users, "current-context": "c",
            "contexts": [{"name": "c", "context": {"user": "rest"}}]});
        fs::write(&path, config.to_string()).unwrap();
        let kubeconfig = Kubeconfig::load(Some(&path)).unwrap();
        for (server, user) in [
            ("a.n.svc", "a.n.svc"),
            ("b.n.svc", "*.n.svc"),
            ("b.n.svc:8443", "b.n.svc:8443"),
            ("h:443", "h"),
            ("h:444", "rest"),
        ] {
            let found = find(&kubeconfig, server).unwrap().authorization;
            assert_eq!(found, Some(format!("Bearer {user}")), "{server}");
        }
        assert_eq!(names("a.b:443"), ["a.b:443", "a.b", "*.b", "*.b:443", "*"]);
    }

    #[test]
    fn a_file_configures_plugins() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("admission.yaml");
        let load = |plugins: &serde_json::Value| {
            let configuration = json!({"apiVersion": "apiserver.config.k8s.io/v1",
                "kind": "AdmissionConfiguration", "plugins": plugins});
            fs::write(&file, configuration.to_string()).unwrap();
            super::load(
                Some(&file),
                &Selection::from_flags::<&str>(&[], &[]).unwrap(),
            )
        };
        fs::write(
            dir.path().join("kubeconfig"),
            r#"{"users": [{"name": "*", "user": {"token": "t"}}]}"#,
        )
        .unwrap();
        let webhooks = json!({"apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "WebhookAdmissionConfiguration", "kubeConfigFile": dir.path().join("kubeconfig")});
        fs::write(dir.path().join("webhooks.yaml"), webhooks.to_string()).unwrap();
        for plugin in [
            json!({"name": "ValidatingAdmissionWebhook", "configuration": webhooks}),
            json!({"name": "ValidatingAdmissionWebhook", "path": "webhooks.yaml"}),
        ] {
            let loaded = load(&json!([plugin])).unwrap();
            let of = |credentials: &CredentialsOf| credentials("h:443").unwrap().authorization;
            assert_eq!(of(&loaded.webhooks.validating).as_deref(), Some("Bearer t"));
            assert_eq!(of(&loaded.webhooks.mutating), None);
        }
        let limits = json!({"apiVersion": "eventratelimit.admission.k8s.io/v1alpha1",
            "kind": "Configuration", "limits": [{"type": "Server", "burst": 1}]});
        fs::write(dir.path().join("limits.yaml"), limits.to_string()).unwrap();
        for (plugins, why) in [
            (
                json!([{"name": "LimitRanger", "configuration": {}}]),
                "admission.yaml: plugins[0].name: the plugin \"LimitRanger\" has no configuration here",
            ),
            (
                json!([{"name": "PodSecurity"}, {"name": "Nope", "configuration": {}}]),
                "admission.yaml: plugins[1].name: unknown plugin \"Nope\"",
            ),
            (
                json!([{"name": "PodSecurity"}, {"name": "PodSecurity"}]),
                "admission.yaml: plugins[1].name: Duplicate value: \"PodSecurity\"",
            ),
            (
                json!([{"name": "EventRateLimit", "path": "limits.yaml"}]),
                "limits.yaml: EventRateLimit: limits[0].qps: Invalid value: 0: must be positive",
            ),
            (
                json!([{"name": "MutatingAdmissionWebhook", "path": "gone"}]),
                "No such file",
            ),
            (
                json!([{"name": "MutatingAdmissionWebhook", "configuration": {"kind": "X"}}]),
                "it is not a WebhookAdmissionConfiguration",
            ),
        ] {
            let error = load(&plugins).err().unwrap().to_string();
            assert!(error.starts_with(OPTION) && error.contains(why), "{error}");
        }
    }
}
