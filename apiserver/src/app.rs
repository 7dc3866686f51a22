//! The server put together: store, identities, permissions, admission, registry, controllers.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use portcullis_admission::Selection;
use portcullis_authn::{Authenticator, Reload};
use portcullis_rbac::{
    AlwaysAllow, AlwaysDeny, Authorizer, Index, Privileged, RbacAuthorizer, Union,
};
use portcullis_storage::Storage;
use portcullis_storage::cache::{Cache, CacheConfig};
use portcullis_storage::compactor::Compactor;
use thiserror::Error;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::config::{AuthorizationMode, Serve};
use crate::controllers::leader::Candidate;
use crate::controllers::{self, Controllers, cluster_authentication};
use crate::endpoints::documents::Documents;
use crate::endpoints::openid::OpenId;
use crate::escalation::EscalationGuard;
use crate::filters::limits::Limits;
use crate::identities::Identities;
use crate::metrics::Requests;
use crate::own_service::{self, Address};
use crate::registry::Registry;
use crate::registry::ranges::ServiceRanges;
use crate::registry::ranges::repair::Leaks;
use crate::serving::health::Health;
use crate::startup::{self, Certificates};
use crate::store::{self, Store};
use crate::tokens::{Bound, TokenKeys, Tokens};
use crate::{authorities, bootstrap, files, indices, lookups};

/// Why a server did not start, in one line that names the option at fault.
#[derive(Debug, Error)]
#[error("{option}: {why}")]
pub struct StartError {
    option: &'static str,
    why: String,
}

impl StartError {
    /// `option` is at fault.
    pub fn option(option: &'static str, why: impl Display) -> Self {
        Self {
            option,
            why: why.to_string(),
        }
    }
}

/// A server.
pub struct App {
    authenticator: Arc<dyn Authenticator>,
    takes_passwords: bool,
    authorizer: Arc<dyn Authorizer>,
    registry: Arc<Registry>,
    cache: Arc<Cache>,
    store: Store,
    health: Health,
    limits: Limits,
    requests: Requests,
    documents: Documents,
    tokens: Tokens,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    explains_decisions: bool,
    authorities: watch::Receiver<String>,
}

impl App {
    /// Puts a server together and brings its first objects into being. `address` is where clients
    /// reach it, such as `127.0.0.1:6443`.
    ///
    /// # Errors
    /// [`StartError`], before anything is served.
    pub async fn start(
        options: &Serve,
        certificates: &Certificates,
        address: &str,
    ) -> Result<Arc<Self>, StartError> {
        let selection = Selection::from_flags(
            &options.enable_admission_plugins,
            &options.disable_admission_plugins,
        )
        .map_err(|e| StartError::option("admission plugins", e))?;
        let tokens_are_mounted = selection.contains("ServiceAccount");
        let controllers = controllers::Selection::parse(&options.controllers, tokens_are_mounted)
            .map_err(|why| StartError::option("--controllers", why))?;
        let identities = Identities::load(options, certificates)?;
        let (believed, bundle) = authorities::load(options, certificates)?;
        TokenKeys::check(options)?;
        check_modes(&options.authorization_mode)?;
        // What could be refused has been looked at: from here on things are made.
        let (store, upstream) = store::open(options).await?;
        startup::write_new_files(&certificates.new_files)?;
        let keys = TokenKeys::load(options)?;
        let prefix = startup::key_prefix(&options.etcd.etcd_prefix);
        let cache = Cache::start(
            upstream.clone(),
            &format!("{prefix}/"),
            CacheConfig::default(),
        )
        .await
        .map_err(|e| StartError::option(store.option(), e))?;
        let cache = Arc::new(cache);
        let roles = Arc::new(Index::new());
        indices::feed_rbac(&cache, &prefix, &roles);
        let authorizer = authorization(options, &roles);
        let lookups = lookups::start(&cache, &prefix, &authorizer);
        warn_of_idle_plugins(options, &selection);
        let registry = Registry::new(
            cache.clone(),
            &prefix,
            selection.build(&lookups),
            Box::new(EscalationGuard::new(roles, authorizer.clone())),
            service_ranges(options, &cache, &prefix)?,
        );
        let registry = Arc::new(registry.allow_privileged(options.allow_privileged));
        let ranges = registry.ranges();
        let repaired = ranges.repair(&registry, &mut Leaks::default()).await;
        repaired.map_err(|why| StartError::option(store.option(), why))?;
        bootstrap::run(&registry)
            .await
            .map_err(|status| StartError::option(store.option(), status.message))?;
        let openid = OpenId::new(&keys, address);
        let mut reloads = identities.reloads();
        reloads.extend(keys.reloads.iter().cloned());
        reloads.extend(certificates.serving.reload());
        reloads.extend(bundle);
        let bound = Arc::new(Bound(registry.clone()));
        let takes_passwords = identities.take_passwords();
        let (authenticator, tokens) = identities.complete(keys, &bound);
        let app = Arc::new(Self {
            authenticator,
            takes_passwords,
            authorizer,
            registry,
            health: store::health(&cache),
            cache,
            store,
            limits: Limits::new(&options.limits),
            requests: Requests::default(),
            documents: Documents::new(address, openid),
            tokens,
            tasks: TaskTracker::new(),
            shutdown: CancellationToken::new(),
            explains_decisions: options.explain_decisions,
            authorities: believed.clone(),
        });
        app.start_tasks(options, upstream, reloads);
        app.start_controllers(&controllers, options, certificates, believed);
        app.tasks.close();
        Ok(app)
    }

    fn start_tasks(
        self: &Arc<Self>,
        options: &Serve,
        upstream: Arc<dyn Storage>,
        reloads: Vec<Arc<dyn Reload>>,
    ) {
        self.tasks.spawn(
            self.shutdown
                .clone()
                .run_until_cancelled_owned(files::watch(reloads)),
        );
        let interval = options.etcd.etcd_compaction_interval;
        if interval > Duration::ZERO {
            let compactor = Compactor::start(upstream, interval);
            let stop = self.shutdown.clone();
            self.tasks.spawn(async move {
                stop.cancelled().await;
                compactor.shutdown().await;
            });
        }
    }

    /// In a store that nobody else writes to, controllers simply run.
    fn start_controllers(
        &self,
        selection: &controllers::Selection,
        options: &Serve,
        certificates: &Certificates,
        believed: watch::Receiver<String>,
    ) {
        let context = controllers::Context {
            registry: self.registry.clone(),
            cache: self.cache.clone(),
            root_ca: certificates.trusted.clone(),
            event_ttl: options.event_ttl,
        };
        let controllers = Controllers::new(selection, &context);
        let stop = self.shutdown.clone();
        let published = cluster_authentication::run(self.registry.clone(), believed);
        self.tasks
            .spawn(stop.clone().run_until_cancelled_owned(published));
        match self.store {
            Store::Embedded(_) => {
                for controller in controllers.begin() {
                    self.tasks
                        .spawn(stop.clone().run_until_cancelled_owned(controller));
                }
            }
            Store::Etcd => {
                let identity = format!("{}_{}", startup::host_name(), Uuid::new_v4());
                let candidate = Candidate::new(self.registry.clone(), identity);
                self.tasks.spawn(candidate.run(controllers, stop));
            }
        }
    }

    /// Makes the server known inside the cluster.
    pub fn announce(&self, address: Address) {
        let (registry, stop) = (self.registry.clone(), self.shutdown.clone());
        self.tasks.spawn(own_service::run(registry, address, stop));
    }

    /// From now on the server is not ready, and its watches end.
    pub fn begin_shutdown(&self) {
        self.health.stop();
        self.shutdown.cancel();
    }

    /// Ends what runs in the background and closes the store.
    pub async fn finish_shutdown(&self) {
        self.shutdown.cancel();
        self.tasks.wait().await;
        self.cache.shutdown().await;
        if let Store::Embedded(store) = &self.store {
            store.close().await;
        }
    }

    /// Who is who.
    pub fn authenticator(&self) -> &dyn Authenticator {
        self.authenticator.as_ref()
    }

    /// Whether passwords are among what proves an identity.
    pub const fn takes_passwords(&self) -> bool {
        self.takes_passwords
    }

    /// Who may what.
    pub fn authorizer(&self) -> &dyn Authorizer {
        self.authorizer.as_ref()
    }

    /// All objects.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The authorities whose client certificates are trusted, as PEM, now and later.
    pub fn authorities(&self) -> watch::Receiver<String> {
        self.authorities.clone()
    }

    /// How the server is.
    pub const fn health(&self) -> &Health {
        &self.health
    }

    /// How many requests it carries out at once, and for how long.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The requests it has answered.
    pub const fn requests(&self) -> &Requests {
        &self.requests
    }

    /// What it tells about its API.
    pub const fn documents(&self) -> &Documents {
        &self.documents
    }

    /// The tokens it issues and judges.
    pub const fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Whether it tells cluster-admins why a request is answered as it is.
    pub const fn explains_decisions(&self) -> bool {
        self.explains_decisions
    }

    /// Cancelled when watches have to end.
    pub const fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }
}

fn warn_of_idle_plugins(options: &Serve, selection: &Selection) {
    for (plugin, why) in selection.without_effect() {
        // Who asked for it should know; the default set is nobody's wish.
        if options.enable_admission_plugins.iter().any(|p| p == plugin) {
            tracing::warn!(plugin, why, "an admission plugin has no effect");
        } else {
            tracing::debug!(plugin, why, "an admission plugin has no effect");
        }
    }
}

/// What services are given from.
fn service_ranges(
    options: &Serve,
    cache: &Arc<Cache>,
    prefix: &str,
) -> Result<ServiceRanges, StartError> {
    let storage: Arc<dyn Storage> = cache.clone();
    let services = &options.services;
    ServiceRanges::new(
        &storage,
        prefix,
        services.service_cluster_ip_range,
        services.service_node_port_range,
    )
    .map_err(|why| StartError::option("--service-cluster-ip-range", why))
}

/// The authorizers that options ask for; whoever is in `system:masters` may everything.
fn authorization(options: &Serve, index: &Arc<Index>) -> Arc<dyn Authorizer> {
    let mut members: Vec<Arc<dyn Authorizer>> = vec![Arc::new(Privileged)];
    members.extend(options.authorization_mode.iter().map(|mode| {
        let member: Arc<dyn Authorizer> = match mode {
            AuthorizationMode::Rbac => Arc::new(RbacAuthorizer::new(index.clone())),
            AuthorizationMode::AlwaysAllow => Arc::new(AlwaysAllow),
            AuthorizationMode::AlwaysDeny => Arc::new(AlwaysDeny),
        };
        member
    }));
    Arc::new(Union::new(members))
}

fn check_modes(modes: &[AuthorizationMode]) -> Result<(), StartError> {
    let mut seen = modes.iter().enumerate();
    match seen.find(|(at, mode)| modes.iter().take(*at).any(|earlier| earlier == *mode)) {
        None => Ok(()),
        Some((_, mode)) => {
            let why = format!("the mode {mode} stands there twice");
            Err(StartError::option("--authorization-mode", why))
        }
    }
}
