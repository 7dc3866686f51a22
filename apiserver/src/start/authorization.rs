//! The authorizers, from their options.

mod reload;

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use portcullis_rbac::{
    AlwaysAllow, AlwaysDeny, Authorizer, Graph, Index, NodeAuthorizer, Privileged, RbacAuthorizer,
    Union,
};

use self::reload::AuthorizationReload;
use super::authorization_config::{self, Configured};
use super::error::StartError;
use super::host::host_name;
use super::webhook;
use crate::access::counted::Counted;
use crate::access::metrics::AuthorizationMetrics;
use crate::access::replaceable::Replaceable;
use crate::access::webhook::{Lifetimes, ReviewVersion, WebhookAuthorizer};
use crate::config::AuthorizationMode;
use crate::config::authorization::Authorization;
use crate::files::Watched;
use crate::metrics::ConfigMetrics;

const CONFIG: &str = "--authorization-config";
const MODE: &str = "--authorization-mode";
const FILE: &str = "--authorization-webhook-config-file";
/// The name of the webhook that options name (upstream: `defaultWebhookName`).
const WEBHOOK: &str = "default";

/// The authorizers, as far as they exist before the store is open.
pub(super) struct Authorizers {
    /// In order.
    members: Vec<Member>,
    /// What they are counted with.
    pub(super) metrics: AuthorizationMetrics,
    /// What is counted of the file of `--authorization-config`.
    pub(super) config_metrics: Option<ConfigMetrics>,
    /// The file of `--authorization-config`, and its text.
    file: Option<(PathBuf, Vec<u8>)>,
}

/// All authorizers as one.
pub(super) struct InForce {
    pub(super) authorizer: Arc<dyn Authorizer>,
    /// The file that names them, if one does.
    pub(super) reload: Option<Watched>,
}

/// An authorizer, and its name in metrics.
struct Member {
    name: String,
    is: Is,
}

enum Is {
    Mode(AuthorizationMode),
    Webhook(Arc<WebhookAuthorizer>),
}

impl Authorizers {
    /// Reads the options.
    ///
    /// # Errors
    /// [`StartError`], which names option and file.
    pub(super) fn of(options: &Authorization) -> Result<Self, StartError> {
        if let Some(path) = &options.authorization_config {
            let failed = |why| {
                let why = format!("failed to load AuthorizationConfiguration from file: {why}");
                StartError::option(CONFIG, why)
            };
            let text = std::fs::read(path);
            let text = text.map_err(|why| failed(format!("{}: {why}", path.display())))?;
            let configured = authorization_config::read(path, &text).map_err(failed)?;
            let metrics = AuthorizationMetrics::new();
            let members = members(configured, &metrics)?;
            let config_metrics = ConfigMetrics::of_authorization(&host_name());
            config_metrics.applied(&text);
            return Ok(Self {
                members,
                metrics,
                config_metrics: Some(config_metrics),
                file: Some((path.clone(), text)),
            });
        }
        let modes = &options.authorization_mode;
        check(modes)?;
        let metrics = AuthorizationMetrics::new();
        let mut webhook = webhook(options)?;
        let member = |mode: &AuthorizationMode| match webhook
            .take_if(|_| *mode == AuthorizationMode::Webhook)
        {
            Some(webhook) => Member {
                is: Is::Webhook(Arc::new(webhook.counted_by(WEBHOOK, &metrics))),
                name: WEBHOOK.to_owned(),
            },
            None => Member {
                is: Is::Mode(*mode),
                name: mode.to_string().to_lowercase(),
            },
        };
        Ok(Self {
            members: modes.iter().map(member).collect(),
            metrics,
            config_metrics: None,
            file: None,
        })
    }

    /// Whether the node authorizer is one of them.
    pub(super) fn knows_nodes(&self) -> bool {
        let mut members = self.members.iter();
        members.any(|member| matches!(member.is, Is::Mode(AuthorizationMode::Node)))
    }

    /// All of them in order, after the one that allows `system:masters` everything, and the file to read again
    /// when it changes. The node authorizer, if it is one of them, uses `graph`.
    ///
    /// # Errors
    /// None; a file read later may name authorizers that this one did not.
    pub(super) fn union(
        self,
        index: &Arc<Index>,
        graph: impl Fn() -> Arc<Graph>,
    ) -> Result<InForce, StartError> {
        let built_in = BuiltIn::of(&self.members, index, graph);
        let union = built_in.union(self.members, &self.metrics);
        let union = union.map_err(|why| StartError::option(CONFIG, why))?;
        let (Some((path, text)), Some(config_metrics)) = (self.file, self.config_metrics) else {
            return Ok(InForce {
                authorizer: Arc::new(union),
                reload: None,
            });
        };
        let authorizer = Arc::new(Replaceable::new(Arc::new(union)));
        let reload = AuthorizationReload {
            path,
            text: Mutex::new(text),
            built_in,
            metrics: self.metrics,
            config_metrics,
            authorizer: authorizer.clone(),
        };
        Ok(InForce {
            authorizer,
            reload: Some(Arc::new(reload)),
        })
    }
}

/// The authorizers over objects of the cluster that were enabled at the start; the objects that they need are
/// watched from then on.
struct BuiltIn {
    node: Option<Arc<dyn Authorizer>>,
    rbac: Option<Arc<dyn Authorizer>>,
}

impl BuiltIn {
    fn of(members: &[Member], index: &Arc<Index>, graph: impl Fn() -> Arc<Graph>) -> Self {
        let has = |mode: AuthorizationMode| {
            let mut members = members.iter();
            members.any(|member| matches!(member.is, Is::Mode(is) if is == mode))
        };
        let node = has(AuthorizationMode::Node).then(|| Arc::new(NodeAuthorizer::new(graph())));
        let rbac = has(AuthorizationMode::Rbac);
        let rbac = rbac.then(|| Arc::new(RbacAuthorizer::new(index.clone())));
        Self {
            node: node.map(|node| node as _),
            rbac: rbac.map(|rbac| rbac as _),
        }
    }

    /// Members in order, after the one that allows `system:masters` everything.
    fn union(&self, members: Vec<Member>, metrics: &AuthorizationMetrics) -> Result<Union, String> {
        let absent = |kind: &str| {
            format!(
                "authorizer type {kind} is not allowed if it was not enabled at initial server startup"
            )
        };
        let mut union: Vec<Arc<dyn Authorizer>> = vec![Arc::new(Privileged)];
        for Member { name, is } in members {
            let member: Arc<dyn Authorizer> = match is {
                Is::Webhook(webhook) => webhook,
                Is::Mode(AuthorizationMode::Node) => {
                    self.node.clone().ok_or_else(|| absent("Node"))?
                }
                Is::Mode(AuthorizationMode::Rbac) => {
                    self.rbac.clone().ok_or_else(|| absent("RBAC"))?
                }
                Is::Mode(AuthorizationMode::AlwaysAllow) => Arc::new(AlwaysAllow),
                Is::Mode(AuthorizationMode::AlwaysDeny) => Arc::new(AlwaysDeny),
                // each is a member of its own
                Is::Mode(AuthorizationMode::Webhook) => continue,
            };
            union.push(Arc::new(Counted::new(member, &name, metrics)));
        }
        Ok(Union::new(union))
    }
}

/// The authorizers that a file configures.
fn members(
    configured: Vec<(String, Configured)>,
    metrics: &AuthorizationMetrics,
) -> Result<Vec<Member>, StartError> {
    let members = configured.into_iter().map(|one| member(one, metrics));
    members.collect()
}

fn member(
    (name, configured): (String, Configured),
    metrics: &AuthorizationMetrics,
) -> Result<Member, StartError> {
    let configured = match configured {
        Configured::Mode(mode) => {
            let is = Is::Mode(mode);
            return Ok(Member { name, is });
        }
        Configured::Webhook(configured) => configured,
    };
    let client = webhook::client(CONFIG, &configured.kubeconfig)?;
    let webhook = WebhookAuthorizer::new(client, configured.version, configured.lifetimes);
    let webhook = webhook.with(
        configured.conditions,
        configured.timeout,
        configured.on_error,
    );
    let is = Is::Webhook(Arc::new(webhook.counted_by(&name, metrics)));
    Ok(Member { name, is })
}

fn check(modes: &[AuthorizationMode]) -> Result<(), StartError> {
    let mut seen = modes.iter().enumerate();
    match seen.find(|(at, mode)| modes.iter().take(*at).any(|earlier| earlier == *mode)) {
        None => Ok(()),
        Some((_, mode)) => {
            let why = format!("the mode {mode} is named twice");
            Err(StartError::option(MODE, why))
        }
    }
}

/// Upstream: `BuiltInAuthorizationOptions.Validate` in `pkg/kubeapiserver/options/authorization.go`.
fn webhook(options: &Authorization) -> Result<Option<WebhookAuthorizer>, StartError> {
    let modes = &options.authorization_mode;
    let path = options.authorization_webhook_config_file.as_ref();
    let path = path.filter(|path| !path.as_os_str().is_empty());
    match (modes.contains(&AuthorizationMode::Webhook), path) {
        (false, None) => Ok(None),
        (false, Some(_)) => {
            let why = format!("cannot specify {FILE} without mode Webhook");
            Err(StartError::option(FILE, why))
        }
        (true, None) => {
            let why = "authorization-mode Webhook's authorization config file not passed";
            Err(StartError::option(MODE, why))
        }
        (true, Some(path)) => {
            let version = version(&options.authorization_webhook_version)?;
            let lifetimes = Lifetimes {
                allowed: options.authorization_webhook_cache_authorized_ttl,
                refused: options.authorization_webhook_cache_unauthorized_ttl,
            };
            let client = webhook::client(FILE, path)?;
            Ok(Some(WebhookAuthorizer::new(client, version, lifetimes)))
        }
    }
}

fn version(text: &str) -> Result<ReviewVersion, StartError> {
    match text {
        "v1" => Ok(ReviewVersion::V1),
        "v1beta1" => Ok(ReviewVersion::V1beta1),
        other => {
            let why = format!(
                "unsupported webhook authorizer version {other:?}, supported versions are \"v1\", \"v1beta1\""
            );
            Err(StartError::option("--authorization-webhook-version", why))
        }
    }
}
