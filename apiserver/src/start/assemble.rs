//! The parts of a server, put together: store, cache, identities, permissions, admission, registry,
//! controllers.

use std::sync::Arc;

use axum::Router;
use portcullis_admission::Selection;
use portcullis_api::Status;
use portcullis_authn::Reload;
use portcullis_storage::Storage;
use prometheus::core::Collector;
use tokio::sync::watch;

use super::admission_config::{self, AdmissionConfig};
use super::audit::Auditing;
use super::authorities::Authorities;
use super::authorization::{Authorizers, InForce};
use super::background::Background;
use super::certificates::{self, Certificates};
use super::error::StartError;
use super::front_proxies::FrontProxies;
use super::hooks::Hooks;
use super::identities::Identities;
use super::kubelets::Clients;
use super::metrics;
use super::proxy_client::ProxyClient;
use super::registry;
use super::store::OpenStore;
use super::tokens::TokenKeys;
use crate::audit::Auditor;
use crate::audit::metrics::AuditMetrics;
use crate::config::Serve;
use crate::endpoints::aggregated::Aggregation;
use crate::endpoints::api::Api;
use crate::endpoints::documents::Documents;
use crate::endpoints::openid::OpenId;
use crate::explain::explainer::Explainer;
use crate::layers::Gate;
use crate::limits::Limits;
use crate::metrics::{ConfigMetrics, Metrics, StoreMetrics};
use crate::outbound::aggregated::AggregatedServers;
use crate::outbound::aggregated::metrics::Unavailable;
use crate::outbound::backends::Backends;
use crate::outbound::identity::ClientIdentity;
use crate::outbound::services::ServiceResolver;
use crate::router::{Services, router};
use crate::tokens::{Bound, Tokens};
use portcullis_controllers::bootstrap;
use portcullis_controllers::cluster_authentication::{ProxyHeaders, Trust};
use portcullis_controllers::enabled::{EnabledControllers, Uses};
use portcullis_kinds::offer::Offer;
use portcullis_registry::Registry;
use portcullis_registry::api_services::ApiServices;
use portcullis_registry::repair::Leaks;

/// The contents of options and files, read before anything is opened or written.
struct Checked {
    selection: Selection,
    offer: Offer,
    controllers: EnabledControllers,
    identities: Identities,
    proxy_client: ProxyClient,
    front_proxies: FrontProxies,
    kubelets: Clients,
    authorities: Authorities,
    reloads: Vec<Arc<dyn Reload>>,
    admission: AdmissionConfig,
    auditing: Option<Auditing>,
    authorizers: Authorizers,
}

impl Checked {
    fn of(options: &Serve, certificates: &Certificates) -> Result<Self, StartError> {
        let selection = Selection::from_flags(
            &options.enable_admission_plugins,
            &options.disable_admission_plugins,
        )
        .map_err(|e| StartError::option("admission plugins", e))?;
        let choice = options
            .versions
            .choice(selection.contains("PodSecurityPolicy"));
        let choice = choice.map_err(|e| StartError::option("--runtime-config", e))?;
        let authorizers = Authorizers::of(&options.authorization)?;
        let uses = Uses {
            tokens_are_mounted: selection.contains("ServiceAccount"),
            bootstrap_tokens: options.enable_bootstrap_token_auth,
            kubelets: options.enable_bootstrap_token_auth || authorizers.knows_nodes(),
        };
        let controllers = EnabledControllers::parse(&options.controllers, uses)
            .map_err(|why| StartError::option("--controllers", why))?;
        let front_proxies = FrontProxies::load(&options.front_proxy)?;
        let identities = Identities::load(options, certificates, &front_proxies)?;
        let authorities = Authorities::load(options, certificates)?;
        TokenKeys::check(options)?;
        let file = options.admission_control_config_file.as_deref();
        let mut reloads = identities.reloads();
        reloads.extend(certificates.serving.reload());
        reloads.extend(authorities.reloads.iter().cloned());
        let admission = admission_config::load(file, &selection)?;
        let proxy_client = ProxyClient::find_or_make(options)?;
        let kubelets = Clients::find_or_make(options, certificates)?;
        reloads.extend(proxy_client.identity.reload());
        reloads.extend(kubelets.reload.clone());
        Ok(Self {
            selection,
            offer: choice.offer(),
            controllers,
            identities,
            proxy_client,
            front_proxies,
            kubelets,
            authorities,
            reloads,
            admission,
            auditing: Auditing::of(&options.audit)?,
            authorizers,
        })
    }

    /// The authorities and headers that are published: of clients, of front proxies, and of this server as a front
    /// proxy.
    fn trust(&self) -> Trust {
        let own = &self.proxy_client;
        Trust {
            clients: self.authorities.clients.clone(),
            front_proxy: own.authority.clone(),
            front_proxies: self.authorities.front_proxies.clone(),
            headers: ProxyHeaders::all(self.front_proxies.published.clone(), own.headers.clone()),
        }
    }

    /// Writes the files that were made for this start.
    fn write_new_files(&self, certificates: &Certificates) -> Result<(), StartError> {
        let files = certificates.new_files.iter();
        let files = files.chain(&self.proxy_client.new_files);
        certificates::write_new_files(files.chain(&self.kubelets.new_files))
    }
}

/// What is opened and started first: the store, the keys of tokens, and the audit log.
struct Opened {
    store_metrics: StoreMetrics,
    stored: OpenStore,
    keys: TokenKeys,
    audit_metrics: AuditMetrics,
    auditor: Option<Arc<Auditor>>,
}

impl Opened {
    async fn open(
        options: &Serve,
        certificates: &Certificates,
        checked: &Checked,
        auditing: Option<Auditing>,
    ) -> Result<Self, StartError> {
        let store_metrics = StoreMetrics::new();
        let stored = OpenStore::open(options, &store_metrics).await?;
        checked.write_new_files(certificates)?;
        let keys = TokenKeys::load(options)?;
        let audit_metrics = AuditMetrics::new();
        let auditor = auditor(auditing, &audit_metrics)?;
        warn_of_idle_plugins(options, &checked.selection);
        Ok(Self {
            store_metrics,
            stored,
            keys,
            audit_metrics,
            auditor,
        })
    }
}

/// An assembled server, whose background tasks run.
pub struct Parts {
    /// The routes, behind the layers.
    pub router: Router,
    /// The parts that the layers use.
    pub gate: Gate,
    /// The authorities whose client certificates are accepted, as PEM, now and later.
    pub authorities: Vec<watch::Receiver<String>>,
    /// What runs in the background.
    pub background: Background,
}

/// Assembles a server and creates its first objects. `address` is where clients reach it, such as
/// `127.0.0.1:6443`.
///
/// # Errors
/// [`StartError`], before anything is served.
pub async fn assemble(
    options: &Serve,
    certificates: &Certificates,
    address: &str,
) -> Result<Parts, StartError> {
    let mut checked = Checked::of(options, certificates)?;
    // All options and files have been checked. From here on, files and objects are created.
    let auditing = checked.auditing.take();
    let opened = Opened::open(options, certificates, &checked, auditing).await?;
    let (stored, keys, trust) = (opened.stored, opened.keys, checked.trust());
    let hooks = Hooks::new(&stored, checked.admission.webhooks);
    let aggregation = aggregation(&stored, checked.proxy_client.identity);
    let backends = backends(&stored, checked.kubelets);
    let counted = counted(
        &checked.authorizers,
        &checked.identities,
        &aggregation,
        &hooks,
    );
    let authorizers = checked.authorizers;
    let chosen = (&checked.selection, checked.admission.plugins, checked.offer);
    let built = registry::build(options, chosen, &stored, &hooks, authorizers)?;
    let (registry, InForce { authorizer, reload }) = built;
    checked.reloads.extend(reload);
    prepare(&registry, options, stored.store.option()).await?;
    // a webhook that is down, or a policy, must not keep the server from creating its first objects
    hooks.start(&stored);
    let openid = openid(&keys, address);
    checked.reloads.extend(keys.reloads.iter().cloned());
    let bound = Arc::new(Bound(registry.clone()));
    let accepts_passwords = checked.identities.accept_passwords();
    let (authenticator, tokens) = checked.identities.complete(keys, &bound);
    let catalogues = registry.catalogues().clone();
    let metrics = Metrics::new(registry.admission(), catalogues, &opened.audit_metrics);
    let metrics = metrics.with(counted);
    let metrics = metrics::of_server(metrics, opened.store_metrics, &registry, &stored.prefix);
    let background = Background::new(registry, stored, opened.auditor.clone());
    let gate = Gate {
        authenticator,
        accepts_passwords,
        front_proxy_headers: checked.front_proxies.removed.into(),
        auditor: opened.auditor,
        authorizer,
        limits: Arc::new(Limits::new(&options.limits)),
        metrics: Arc::new(metrics),
    };
    let servers = aggregation.servers.clone();
    let services = services(
        &background,
        &gate,
        (tokens, backends),
        aggregation,
        (address, openid),
    );
    background.start(options, checked.reloads);
    let selected = &checked.controllers;
    background.start_controllers(selected, options, certificates, &gate.authorizer, trust);
    background.start_aggregation(servers);
    background.tasks.close();
    let authorities = checked.authorities;
    Ok(Parts {
        router: router(services, options.explain_decisions),
        gate,
        authorities: vec![authorities.clients, authorities.front_proxies],
        background,
    })
}

/// The parts of handlers. `(address, openid)`: what documents say of this server and of its tokens.
fn services(
    background: &Background,
    gate: &Gate,
    (tokens, backends): (Tokens, Backends),
    aggregation: Arc<Aggregation>,
    (address, openid): (&str, OpenId),
) -> Services {
    let registry = background.registry.clone();
    let catalogues = registry.catalogues().clone();
    let documents = Documents::new(catalogues, aggregation.clone(), address, openid);
    let elsewhere = aggregation.known.clone();
    Services {
        api: Arc::new(Api {
            registry: registry.clone(),
            authorizer: gate.authorizer.clone(),
            tokens,
            backends,
            health: background.health.clone(),
            watches: gate.metrics.watches().clone(),
            shutdown: background.shutdown.clone(),
        }),
        aggregation,
        documents: Arc::new(documents),
        health: background.health.clone(),
        limits: gate.limits.clone(),
        metrics: gate.metrics.clone(),
        explainer: Arc::new(Explainer {
            authenticator: gate.authenticator.clone(),
            authorizer: gate.authorizer.clone(),
            registry,
            elsewhere,
        }),
    }
}

/// What is counted besides requests, admission and events.
fn counted(
    authorizers: &Authorizers,
    identities: &Identities,
    aggregation: &Aggregation,
    hooks: &Hooks,
) -> Vec<Box<dyn Collector>> {
    let unavailable = Unavailable::new(aggregation.known.clone());
    let mut counted: Vec<Box<dyn Collector>> =
        vec![aggregation.servers.losses(), Box::new(unavailable)];
    counted.extend(authorizers.metrics.collectors());
    counted.extend(identities.metrics.collectors());
    counted.extend(hooks.conversions.collectors());
    let configurations = [&identities.config_metrics, &authorizers.config_metrics];
    let configurations = configurations.into_iter().flatten();
    counted.extend(configurations.flat_map(ConfigMetrics::collectors));
    counted
}

/// The auditor, if options configure one.
fn auditor(
    auditing: Option<Auditing>,
    metrics: &AuditMetrics,
) -> Result<Option<Arc<Auditor>>, StartError> {
    let auditor = auditing.map(|auditing| auditing.start(metrics.clone()));
    Ok(auditor.transpose()?.flatten())
}

/// The `OpenID` documents about the tokens that this server signs.
fn openid(keys: &TokenKeys, address: &str) -> OpenId {
    let trusted = keys.trust.keys.clone();
    let elsewhere = keys.keys_elsewhere.clone();
    OpenId::new(&keys.issuer.name, trusted, elsewhere, address)
}

/// The API services there are, and the way to the servers they name.
fn aggregation(stored: &OpenStore, identity: ClientIdentity) -> Arc<Aggregation> {
    let store: Arc<dyn Storage> = stored.cache.clone();
    let services = Arc::new(ServiceResolver::new(&store, &stored.prefix));
    Arc::new(Aggregation {
        known: ApiServices::start(&stored.cache, &stored.prefix),
        servers: Arc::new(AggregatedServers::new(services, identity)),
    })
}

/// The clients of nodes, pods and services.
fn backends(stored: &OpenStore, clients: Clients) -> Backends {
    let store: Arc<dyn Storage> = stored.cache.clone();
    Backends {
        kubelets: clients.kubelets,
        others: clients.others,
        services: Arc::new(ServiceResolver::new(&store, &stored.prefix)),
    }
}

/// Repairs the ranges of services, and creates what every cluster has.
async fn prepare(
    registry: &Registry,
    options: &Serve,
    store: &'static str,
) -> Result<(), StartError> {
    let repaired = registry
        .ranges()
        .repair(registry, &mut Leaks::default())
        .await;
    repaired.map_err(|why| StartError::option(store, why))?;
    let failed = |status: Status| StartError::option(store, status.message);
    bootstrap::run(registry).await.map_err(failed)?;
    if options.enable_bootstrap_token_auth {
        bootstrap::let_nodes_join(registry).await.map_err(failed)?;
    }
    Ok(())
}

fn warn_of_idle_plugins(options: &Serve, selection: &Selection) {
    for (plugin, why) in selection.without_effect() {
        // A warning only if it was enabled explicitly, and not by default.
        if options.enable_admission_plugins.iter().any(|p| p == plugin) {
            tracing::warn!(plugin, why, "an admission plugin has no effect");
        } else {
            tracing::debug!(plugin, why, "an admission plugin has no effect");
        }
    }
}
