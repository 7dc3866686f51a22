//! Finds the services of the cluster at their endpoints, since this server's host need not route the
//! addresses of services.
//!
//! Upstream: `ResolveEndpoint` and `ResolveCluster` in `k8s.io/apiserver/pkg/util/proxy/proxy.go`.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::{Endpoints, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use portcullis_admission::lookup::Stored;
use portcullis_api::Status;
use portcullis_kinds::table;
use portcullis_registry::informer::OnDemand;
use portcullis_storage::Storage;

use crate::outbound::https::Resolve;

/// The suffix of a service's host name.
const DOMAIN: &str = ".svc";
/// The label of a slice that names its service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Finds the services in a store.
pub struct ServiceResolver {
    services: Arc<dyn Stored<Service>>,
    slices: Arc<dyn Stored<EndpointSlice>>,
    endpoints: Arc<dyn Stored<Endpoints>>,
}

impl ServiceResolver {
    /// For a store whose keys begin with `prefix`.
    pub fn new(store: &Arc<dyn Storage>, prefix: &str) -> Self {
        let stored = |resource| OnDemand::new(store.clone(), prefix, resource);
        Self {
            services: stored(table::SERVICES),
            slices: stored(table::ENDPOINT_SLICES),
            endpoints: stored(table::ENDPOINTS),
        }
    }

    async fn find(&self, namespace: &str, name: &str, port: u16) -> io::Result<String> {
        let found = self.services.get(namespace, name).await.map_err(failed)?;
        let missing = || io::Error::other(format!("service {name:?} not found"));
        let service = found.ok_or_else(missing)?;
        let spec = service.spec.clone().unwrap_or_default();
        if spec.type_.as_deref() == Some("ExternalName") {
            return Ok(format!("{}:{port}", spec.external_name.unwrap_or_default()));
        }
        let ports = spec.ports.unwrap_or_default();
        let mut ports = ports.iter();
        let wanted = ports.find(|candidate| candidate.port == i32::from(port));
        let no_port =
            || io::Error::other(format!("no service port {port} found for service {name:?}"));
        let wanted = wanted.ok_or_else(no_port)?;
        let port = wanted.name.as_deref().unwrap_or_default();
        let address = self.ready(namespace, name, port).await.map_err(failed)?;
        address.ok_or_else(|| io::Error::other(no_endpoints(name)))
    }

    /// The address of a ready endpoint of a service. The port is that of the service, by number or name; a
    /// single port needs neither.
    ///
    /// # Errors
    /// 404, and 503 for a service without that port or without endpoints.
    pub async fn endpoint(
        &self,
        namespace: &str,
        name: &str,
        port: &str,
    ) -> Result<String, Status> {
        let found = self.services.get(namespace, name).await?;
        let resource = table::SERVICES.group_resource();
        let service = found.ok_or_else(|| Status::not_found(resource, name))?;
        let name_of_port = match port.parse::<i32>() {
            Ok(number) => {
                let ports = service.spec.as_ref().and_then(|spec| spec.ports.as_ref());
                let mut ports = ports.into_iter().flatten();
                let port = ports.find(|port| port.port == number);
                let missing = || {
                    Status::unavailable(format!(
                        "no service port {number} found for service {name:?}"
                    ))
                };
                port.ok_or_else(missing)?
                    .name
                    .as_deref()
                    .unwrap_or_default()
            }
            Err(_) => port,
        };
        let address = self.ready(namespace, name, name_of_port).await?;
        address.ok_or_else(|| Status::unavailable(no_endpoints(name)))
    }

    async fn ready(
        &self,
        namespace: &str,
        name: &str,
        port: &str,
    ) -> Result<Option<String>, Status> {
        match self.in_slices(namespace, name, port).await? {
            Some(address) => Ok(Some(address)),
            None => self.in_endpoints(namespace, name, port).await,
        }
    }

    async fn in_slices(
        &self,
        namespace: &str,
        name: &str,
        port: &str,
    ) -> Result<Option<String>, Status> {
        let slices = self.slices.list(namespace).await?;
        let mut addresses = Vec::new();
        for slice in &slices {
            let labels = slice.metadata.labels.as_ref();
            if labels
                .and_then(|l| l.get(SERVICE_NAME))
                .is_none_or(|of| of != name)
            {
                continue;
            }
            let ports = slice.ports.iter().flatten();
            let named = ports.filter(|p| p.name.as_deref().unwrap_or_default() == port);
            for target in named.filter_map(|p| p.port) {
                let ready = slice.endpoints.iter().flatten().filter(|endpoint| {
                    let conditions = endpoint.conditions.as_ref();
                    conditions.and_then(|c| c.ready) != Some(false)
                });
                let ready = ready.flat_map(|endpoint| &endpoint.addresses);
                addresses.extend(ready.map(|address| joined(address, target)));
            }
        }
        Ok(any(addresses))
    }

    async fn in_endpoints(
        &self,
        namespace: &str,
        name: &str,
        port: &str,
    ) -> Result<Option<String>, Status> {
        let endpoints = self.endpoints.get(namespace, name).await?;
        let mut addresses = Vec::new();
        for subset in endpoints.iter().flat_map(|e| e.subsets.iter().flatten()) {
            let ports = subset.ports.iter().flatten();
            for target in ports.filter(|p| p.name.as_deref().unwrap_or_default() == port) {
                let ready = subset.addresses.iter().flatten();
                addresses.extend(ready.map(|address| joined(&address.ip, target.port)));
            }
        }
        Ok(any(addresses))
    }
}

#[async_trait]
impl Resolve for ServiceResolver {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Option<String>> {
        let service = host.strip_suffix(DOMAIN).and_then(|s| s.split_once('.'));
        match service {
            Some((name, namespace)) if !namespace.contains('.') => {
                self.find(namespace, name, port).await.map(Some)
            }
            _ => Ok(None),
        }
    }
}

fn failed(status: Status) -> io::Error {
    io::Error::other(status.message)
}

fn no_endpoints(service: &str) -> String {
    format!("no endpoints available for service {service:?}")
}

fn joined(address: &str, port: i32) -> String {
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V6(_)) => format!("[{address}]:{port}"),
        _ => format!("{address}:{port}"),
    }
}

/// One of several addresses, a different one for each new connection.
fn any(mut addresses: Vec<String>) -> Option<String> {
    let random = usize::from(uuid::Uuid::new_v4().as_bytes()[0]);
    let at = random.checked_rem(addresses.len())?;
    Some(addresses.swap_remove(at))
}

#[cfg(test)]
mod tests {
    use portcullis_api::Object;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;

    /// Objects of one kind in the namespace `n`.
    struct Objects<K>(Vec<Arc<K>>);

    #[async_trait]
    impl<K: Object> Stored<K> for Objects<K> {
        async fn list(&self, _: &str) -> Result<Vec<Arc<K>>, Status> {
            Ok(self.0.clone())
        }

        async fn get(&self, _: &str, name: &str) -> Result<Option<Arc<K>>, Status> {
            let is = |object: &&Arc<K>| object.metadata().name.as_deref() == Some(name);
            Ok(self.0.iter().find(is).cloned())
        }
    }

    fn objects<K: Object + DeserializeOwned>(values: Value) -> Arc<Objects<K>> {
        let objects: Vec<K> = serde_json::from_value(values).unwrap();
        Arc::new(Objects(objects.into_iter().map(Arc::new).collect()))
    }

    fn resolver() -> ServiceResolver {
        let ports = json!([{"name": "https", "port": 443}, {"name": "other", "port": 80}]);
        let service = |name: &str| json!({"metadata": {"name": name}, "spec": {"ports": ports}});
        let external = json!({"metadata": {"name": "external"},
            "spec": {"type": "ExternalName", "externalName": "example.com"}});
        let labels = json!({"kubernetes.io/service-name": "sliced"});
        ServiceResolver {
            services: objects(json!([
                service("sliced"),
                service("old"),
                service("none"),
                external
            ])),
            slices: objects(json!([
                {"metadata": {"name": "x"}, "addressType": "IPv4",
                    "endpoints": [{"addresses": ["10.0.0.9"]}], "ports": [{"name": "https", "port": 1}]},
                {"metadata": {"name": "s", "labels": labels}, "addressType": "IPv6",
                    "endpoints": [{"addresses": ["fd00::1"], "conditions": {"ready": false}},
                        {"addresses": ["fd00::2"]}],
                    "ports": [{"name": "other", "port": 2}, {"name": "https", "port": 8443}]}])),
            endpoints: objects(json!([{"metadata": {"name": "old"}, "subsets": [
                {"notReadyAddresses": [{"ip": "10.0.0.1"}], "ports": [{"name": "https", "port": 3}]},
                {"addresses": [{"ip": "10.0.0.2"}], "ports": [{"name": "https", "port": 4}]}]}])),
        }
    }

    #[tokio::test]
    async fn a_service_resolves_to_its_ready_endpoints() {
        let resolver = resolver();
        for (host, port, expected) in [
            ("sliced.n.svc", 443, Some("[fd00::2]:8443")),
            ("sliced.n.svc", 80, Some("[fd00::2]:2")),
            ("old.n.svc", 443, Some("10.0.0.2:4")),
            ("external.n.svc", 8443, Some("example.com:8443")),
            ("example.com", 443, None),
            ("127.0.0.1", 443, None),
            ("a.b.c.svc", 443, None),
        ] {
            let found = resolver.resolve(host, port).await.unwrap();
            assert_eq!(found.as_deref(), expected, "{host}:{port}");
        }
    }

    #[tokio::test]
    async fn a_port_has_a_number_or_a_name() {
        let resolver = resolver();
        for (name, port, expected) in [
            ("sliced", "443", Ok("[fd00::2]:8443")),
            ("sliced", "other", Ok("[fd00::2]:2")),
            ("old", "https", Ok("10.0.0.2:4")),
            (
                "old",
                "",
                Err((503, "no endpoints available for service \"old\"")),
            ),
            (
                "old",
                "1",
                Err((503, "no service port 1 found for service \"old\"")),
            ),
            (
                "none",
                "443",
                Err((503, "no endpoints available for service \"none\"")),
            ),
            ("gone", "443", Err((404, "services \"gone\" not found"))),
        ] {
            let found = resolver.endpoint("n", name, port).await;
            let found = found.map_err(|status| (status.code, status.message));
            let expected = expected.map(str::to_owned);
            assert_eq!(
                found,
                expected.map_err(|(code, why)| (code, why.to_owned()))
            );
        }
    }

    #[tokio::test]
    async fn an_unresolvable_service_has_a_reason() {
        let resolver = resolver();
        for (host, port, why) in [
            ("gone.n.svc", 443, "service \"gone\" not found"),
            (
                "none.n.svc",
                443,
                "no endpoints available for service \"none\"",
            ),
            (
                "sliced.n.svc",
                1,
                "no service port 1 found for service \"sliced\"",
            ),
        ] {
            let error = resolver.resolve(host, port).await.unwrap_err();
            assert_eq!(error.to_string(), why);
        }
    }
}
