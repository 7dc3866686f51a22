//! The objects read from a server.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Namespace, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use portcullis_netpol::service::{Translation, translate};
use portcullis_netpol::{Cluster, Name, Policy};

use super::TrafficError;
use super::parties::{Party, Question};
use crate::kubeconfig::client::{ApiClient, ClientError};

/// How much is read: no more than a question needs, so that no more permissions are needed either.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// These namespaces.
    Namespaces(BTreeSet<String>),
    /// All of them: an address may belong to a pod anywhere.
    All,
}

impl Scope {
    pub(super) fn of(question: &Question) -> Self {
        let namespace = |party: &Party| match party {
            Party::Pod(name) | Party::Service(name) => Some(name.namespace.clone()),
            Party::Address(_) => None,
        };
        match (namespace(&question.from), namespace(&question.to)) {
            (Some(from), Some(to)) => Self::Namespaces(BTreeSet::from([from, to])),
            _ => Self::All,
        }
    }

    /// The paths of a collection.
    fn paths(&self, version: &str, plural: &str) -> Vec<String> {
        match self {
            Self::All => vec![format!("{version}/{plural}")],
            Self::Namespaces(names) => {
                let names = names.iter();
                names
                    .map(|name| format!("{version}/namespaces/{name}/{plural}"))
                    .collect()
            }
        }
    }
}

/// The objects that were read.
#[derive(Clone, Default)]
pub(super) struct Snapshot {
    pub(super) cluster: Cluster,
    pub(super) services: Vec<Service>,
    slices: Vec<EndpointSlice>,
}

impl Snapshot {
    /// Reads pods, namespaces and policies, and services where one may be on the way.
    pub(super) async fn read(
        client: &ApiClient,
        scope: &Scope,
        services: bool,
    ) -> Result<Self, TrafficError> {
        let mut snapshot = Self::default();
        let namespaces: Vec<Namespace> = match scope {
            Scope::All => client.list("/api/v1/namespaces").await?,
            Scope::Namespaces(names) => {
                let mut found = Vec::new();
                for name in names {
                    found.push(client.get(&format!("/api/v1/namespaces/{name}")).await?);
                }
                found
            }
        };
        namespaces
            .into_iter()
            .for_each(|n| snapshot.add_namespace(n));
        for path in scope.paths("/api/v1", "pods") {
            for pod in client.list::<Pod>(&path).await? {
                snapshot.cluster.put_pod(portcullis_netpol::Pod::of(&pod));
            }
        }
        for path in scope.paths("/apis/networking.k8s.io/v1", "networkpolicies") {
            for policy in client.list::<NetworkPolicy>(&path).await? {
                snapshot.cluster.put_policy(Policy::of(&policy));
            }
        }
        if services {
            snapshot.read_services(client, scope).await?;
        }
        Ok(snapshot)
    }

    fn add_namespace(&mut self, namespace: Namespace) {
        let meta = namespace.metadata;
        let labels = meta.labels.unwrap_or_default();
        self.cluster
            .put_namespace(&meta.name.unwrap_or_default(), labels);
    }

    async fn read_services(
        &mut self,
        client: &ApiClient,
        scope: &Scope,
    ) -> Result<(), TrafficError> {
        for path in scope.paths("/api/v1", "services") {
            self.services.extend(client.list::<Service>(&path).await?);
        }
        for path in scope.paths("/apis/discovery.k8s.io/v1", "endpointslices") {
            match client.list::<EndpointSlice>(&path).await {
                Ok(slices) => self.slices.extend(slices),
                // a server before 1.21 does not serve them
                Err(ClientError::Refused { code: 404, .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The state if policies were applied.
    pub(super) fn with(&self, policies: &[Policy]) -> Self {
        let mut changed = self.clone();
        for policy in policies {
            changed.cluster.put_policy(policy.clone());
        }
        changed
    }

    /// The service in question, by its name or by its address.
    pub(super) fn service(&self, to: &Party) -> Result<Option<&Service>, TrafficError> {
        let mut services = self.services.iter();
        match to {
            Party::Pod(_) => Ok(None),
            Party::Service(name) => {
                let found = services.find(|service| name_of(service) == *name);
                let missing = || TrafficError::NotFound {
                    what: "services",
                    name: name.clone(),
                };
                found.map(Some).ok_or_else(missing)
            }
            Party::Address(address) => Ok(services.find(|service| {
                let spec = service.spec.as_ref();
                let ips = spec.and_then(|spec| spec.cluster_ips.as_ref());
                let first = spec.and_then(|spec| spec.cluster_ip.as_ref());
                let mut ips = ips.into_iter().flatten().chain(first);
                ips.any(|ip| ip.parse() == Ok(*address))
            })),
        }
    }

    /// The destinations of a connection to a service.
    pub(super) fn translated(
        &self,
        service: &Service,
        question: &Question,
    ) -> Result<Translation, TrafficError> {
        let Question { port, protocol, .. } = question;
        let found = translate(&self.cluster, service, &self.slices, port, *protocol);
        found.map_err(|why| TrafficError::Service {
            service: name_of(service),
            why,
        })
    }

    /// Whether a service has endpoints that are pods which were not read.
    pub(super) fn has_strangers(&self, question: &Question) -> Result<bool, TrafficError> {
        let Some(service) = self.service(&question.to)? else {
            return Ok(false);
        };
        let backends = self.translated(service, question)?.backends;
        Ok(backends.iter().any(|backend| backend.pod.is_none()))
    }
}

pub(super) fn name_of(service: &Service) -> Name {
    Name {
        namespace: service.metadata.namespace.clone().unwrap_or_default(),
        name: service.metadata.name.clone().unwrap_or_default(),
    }
}
