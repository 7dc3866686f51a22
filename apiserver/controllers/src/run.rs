//! All controllers, and how they are started.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use portcullis_storage::cache::Cache;

use crate::certificates::{self, approving, signing};
use crate::garbagecollector::Collector;
use crate::{
    bootstrap_tokens, clusterrole_aggregation, event_ttl, namespace, nodelifecycle, podgc,
    protection, resourcequota, root_ca_cert_publisher, serviceaccount, services,
    validatingadmissionpolicy_status,
};
use portcullis_rbac::Authorizer;
use portcullis_registry::Registry;

/// A running controller; it does not end on its own.
pub type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Starts a controller, as often as this server is elected.
pub(crate) type Begin = Box<dyn Fn() -> Running + Send + Sync>;

/// The parts that controllers use.
pub struct Context {
    /// All objects.
    pub registry: Arc<Registry>,
    /// The cache in front of the store.
    pub cache: Arc<Cache>,
    /// The authority that clients in the cluster should trust, as PEM.
    pub root_ca: String,
    /// How long events are kept.
    pub event_ttl: Duration,
    /// Decides who may have certificates.
    pub authorizer: Arc<dyn Authorizer>,
    /// Signs certificates.
    pub authority: Arc<dyn signing::Authority>,
    /// A kubeconfig without a user: this server's address and authority.
    pub cluster_info: String,
}

/// How a controller is made.
pub(crate) type Make = fn(&Context) -> Begin;

/// All controllers, by their names in kube-controller-manager; `event-ttl` replaces etcd's leases.
pub(crate) const ALL: [(&str, Make); 19] = [
    ("bootstrapsigner", |context| {
        let kubeconfig: Arc<str> = context.cluster_info.as_str().into();
        of(context, move |registry| {
            bootstrap_tokens::signing::run(registry, kubeconfig.clone())
        })
    }),
    ("clusterrole-aggregation", |context| {
        of(context, clusterrole_aggregation::run)
    }),
    ("csrapproving", |context| {
        let authorizer = context.authorizer.clone();
        of(context, move |registry| {
            approving::run(registry, authorizer.clone())
        })
    }),
    ("csrcleaner", |context| {
        of(context, certificates::cleaning::run)
    }),
    ("csrsigning", |context| {
        let authority = context.authority.clone();
        of(context, move |registry| {
            signing::run(registry, authority.clone())
        })
    }),
    ("endpoint", |context| of(context, services::endpoints::run)),
    ("endpointslice", |context| {
        of(context, services::slices::run)
    }),
    ("event-ttl", |context| {
        let ttl = context.event_ttl;
        of(context, move |registry| event_ttl::run(registry, ttl))
    }),
    ("garbagecollector", |context| {
        let collector = Collector::start(context.registry.clone(), &context.cache);
        Box::new(move || Box::pin(collector.clone().run()))
    }),
    ("namespace", |context| of(context, namespace::run)),
    ("nodelifecycle", |context| {
        of(context, |registry| {
            nodelifecycle::run(registry, nodelifecycle::Patience::default())
        })
    }),
    ("podgc", |context| {
        of(context, |registry| {
            podgc::run(registry, podgc::Limits::default())
        })
    }),
    ("pv-protection", |context| {
        of(context, protection::volumes::run)
    }),
    ("pvc-protection", |context| {
        of(context, protection::claims::run)
    }),
    ("resourcequota", |context| of(context, resourcequota::run)),
    ("root-ca-cert-publisher", |context| {
        let root_ca: Arc<str> = context.root_ca.as_str().into();
        of(context, move |registry| {
            root_ca_cert_publisher::run(registry, root_ca.clone())
        })
    }),
    ("serviceaccount", |context| of(context, serviceaccount::run)),
    ("tokencleaner", |context| {
        of(context, bootstrap_tokens::cleaning::run)
    }),
    ("validatingadmissionpolicy-status-controller", |context| {
        of(context, validatingadmissionpolicy_status::run)
    }),
];

fn of<F>(context: &Context, run: impl Fn(Arc<Registry>) -> F + Send + Sync + 'static) -> Begin
where
    F: Future<Output = ()> + Send + 'static,
{
    let registry = context.registry.clone();
    Box::new(move || Box::pin(run(registry.clone())))
}

/// The controllers to run.
pub struct Controllers(Vec<Begin>);

impl Controllers {
    /// The selected ones, ready to run.
    pub fn new(is_selected: impl Fn(&str) -> bool, context: &Context) -> Self {
        let selected = ALL.iter().filter(|(name, _)| is_selected(name));
        Self(selected.map(|(_, make)| make(context)).collect())
    }

    /// Starts them.
    pub fn begin(&self) -> impl Iterator<Item = Running> {
        self.0.iter().map(|begin| begin())
    }
}
