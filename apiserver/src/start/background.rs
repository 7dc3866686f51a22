//! The background tasks of a server, and their end.

use std::sync::Arc;
use std::time::Duration;

use portcullis_authn::Reload;
use portcullis_controllers::api_services;
use portcullis_controllers::availability::{self, Intervals};
use portcullis_controllers::cluster_authentication::{self, Trust};
use portcullis_controllers::enabled::EnabledControllers;
use portcullis_controllers::leader::Candidate;
use portcullis_controllers::own_service::{self, Address};
use portcullis_controllers::run::{Context, Controllers};
use portcullis_rbac::Authorizer;
use portcullis_registry::Registry;
use portcullis_storage::compactor::Compactor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::certificates::Certificates;
use super::host;
use super::kubeconfig::cluster_info;
use super::store::{self, OpenStore, Store};
use crate::audit::Auditor;
use crate::config::Serve;
use crate::files;
use crate::health::Health;
use crate::outbound::aggregated::AggregatedServers;

/// The background tasks, and how they end.
pub struct Background {
    pub(super) registry: Arc<Registry>,
    pub(super) health: Arc<Health>,
    pub(super) stored: OpenStore,
    pub(super) auditor: Option<Arc<Auditor>>,
    pub(super) tasks: TaskTracker,
    pub(super) shutdown: CancellationToken,
}

impl Background {
    /// Of a server on this store; nothing runs yet.
    pub(super) fn new(
        registry: Arc<Registry>,
        stored: OpenStore,
        auditor: Option<Arc<Auditor>>,
    ) -> Self {
        Self {
            registry,
            health: Arc::new(store::health(&stored.cache)),
            stored,
            auditor,
            tasks: TaskTracker::new(),
            shutdown: CancellationToken::new(),
        }
    }

    /// Reads changed files again, and compacts the store.
    pub(super) fn start(&self, options: &Serve, reloads: Vec<Arc<dyn Reload>>) {
        self.tasks.spawn(
            self.shutdown
                .clone()
                .run_until_cancelled_owned(files::watch(reloads)),
        );
        let interval = options.etcd.etcd_compaction_interval;
        if interval > Duration::ZERO {
            let compactor = Compactor::start(self.stored.backend.clone(), interval);
            let stop = self.shutdown.clone();
            self.tasks.spawn(async move {
                stop.cancelled().await;
                compactor.shutdown().await;
            });
        }
    }

    /// On a store that no other server writes to, controllers simply run; otherwise one server is elected.
    pub(super) fn start_controllers(
        &self,
        selection: &EnabledControllers,
        options: &Serve,
        certificates: &Certificates,
        authorizer: &Arc<dyn Authorizer>,
        trust: Trust,
    ) {
        let context = Context {
            registry: self.registry.clone(),
            cache: self.stored.cache.clone(),
            root_ca: certificates.trusted.clone(),
            event_ttl: options.event_ttl,
            authorizer: authorizer.clone(),
            authority: certificates.authority.clone(),
            cluster_info: cluster_info(options, certificates),
        };
        let controllers = Controllers::new(|name| selection.contains(name), &context);
        let stop = self.shutdown.clone();
        let published = cluster_authentication::run(self.registry.clone(), trust);
        self.tasks
            .spawn(stop.clone().run_until_cancelled_owned(published));
        let definitions = portcullis_controllers::definitions::run(self.registry.clone());
        self.tasks
            .spawn(stop.clone().run_until_cancelled_owned(definitions));
        match self.stored.store {
            Store::Embedded(_) => {
                for controller in controllers.begin() {
                    self.tasks
                        .spawn(stop.clone().run_until_cancelled_owned(controller));
                }
            }
            Store::Etcd => {
                let identity = format!("{}_{}", host::host_name(), Uuid::new_v4());
                let candidate = Candidate::new(self.registry.clone(), identity);
                self.tasks.spawn(candidate.run(controllers, stop));
            }
        }
    }

    /// Every server maintains the status of API services.
    pub(super) fn start_aggregation(&self, servers: Arc<AggregatedServers>) {
        let stop = &self.shutdown;
        let specs = servers.clone().read_specs();
        self.tasks
            .spawn(stop.clone().run_until_cancelled_owned(specs));
        let own = api_services::run(self.registry.clone());
        self.tasks
            .spawn(stop.clone().run_until_cancelled_owned(own));
        let others = availability::run(self.registry.clone(), servers, Intervals::default());
        self.tasks
            .spawn(stop.clone().run_until_cancelled_owned(others));
    }

    /// Makes the server known inside the cluster.
    pub fn announce(&self, address: Address) {
        let (registry, stop) = (self.registry.clone(), self.shutdown.clone());
        self.tasks.spawn(own_service::run(registry, address, stop));
    }

    /// Makes the server not ready, and ends its watches.
    pub fn begin_shutdown(&self) {
        self.health.stop();
        self.shutdown.cancel();
    }

    /// Ends the background tasks, writes the remaining audit events, and closes the store.
    pub async fn finish_shutdown(&self) {
        self.shutdown.cancel();
        if let Some(auditor) = &self.auditor {
            auditor.finish().await;
        }
        self.tasks.wait().await;
        self.stored.cache.shutdown().await;
        if let Store::Embedded(store) = &self.stored.store {
            store.close().await;
        }
    }
}
