//! The checks before a version's server is called, and the conditions for what is missing.

use async_trait::async_trait;
use futures_util::future::join_all;
use k8s_openapi::api::core::v1::{Endpoints, Service, ServiceSpec};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::{APIService, ServiceReference};
use portcullis_api::Status;
use portcullis_api::field_error::go_quote;
use portcullis_kinds::kinds::api_service::Availability;

/// How many more times a failing server is called: another of its endpoints may respond.
const MORE_ATTEMPTS: usize = 4;

/// The objects that a check needs.
#[async_trait]
pub(super) trait Cluster: Send + Sync {
    async fn service(&self, namespace: &str, name: &str) -> Result<Option<Service>, Status>;
    async fn endpoints(&self, namespace: &str, name: &str) -> Result<Option<Endpoints>, Status>;
    async fn discovery(&self, service: &APIService) -> Result<(), String>;
}

/// Whether the server of a version is available (upstream: `sync` of the controller).
pub(super) async fn check(cluster: &dyn Cluster, service: &APIService) -> Availability {
    let reference = service.spec.as_ref().and_then(|s| s.service.clone());
    let missing = missing(cluster, &reference.unwrap_or_default()).await;
    match missing {
        Some(missing) => missing,
        None => ask(cluster, service).await,
    }
}

/// What is missing on the way to the server.
async fn missing(cluster: &dyn Cluster, reference: &ServiceReference) -> Option<Availability> {
    let namespace = reference.namespace.as_deref().unwrap_or_default();
    let name = reference.name.as_deref().unwrap_or_default();
    let port = reference.port.unwrap_or_default();
    let named = format!("service/{name} in {}", go_quote(namespace));
    let unreadable = |reason, status: &Status| {
        let why = &status.message;
        Availability::unknown(reason, format!("{named} cannot be checked due to: {why}"))
    };
    let found = match cluster.service(namespace, name).await {
        Err(status) => return Some(unreadable("ServiceAccessError", &status)),
        Ok(None) => {
            let why = format!("{named} is not present");
            return Some(Availability::no("ServiceNotFound", why));
        }
        Ok(Some(found)) => found.spec.unwrap_or_default(),
    };
    if found
        .type_
        .as_deref()
        .is_some_and(|kind| kind != "ClusterIP")
    {
        return None;
    }
    let Some(port_name) = port_name(&found, port) else {
        let why = format!("{named} is not listening on port {port}");
        return Some(Availability::no("ServicePortError", why));
    };
    match cluster.endpoints(namespace, name).await {
        Err(status) => Some(unreadable("EndpointsAccessError", &status)),
        Ok(None) => {
            let why = format!("cannot find endpoints for {named}");
            Some(Availability::no("EndpointsNotFound", why))
        }
        Ok(Some(endpoints)) if has_addresses(&endpoints, &port_name) => None,
        Ok(Some(_)) => {
            let port = go_quote(&port_name);
            let why = format!("endpoints for {named} have no addresses with port name {port}");
            Some(Availability::no("MissingEndpoints", why))
        }
    }
}

/// The name of a port of a service, usually empty.
fn port_name(service: &ServiceSpec, port: i32) -> Option<String> {
    let mut ports = service.ports.iter().flatten();
    let found = ports.find(|candidate| candidate.port == port)?;
    Some(found.name.clone().unwrap_or_default())
}

fn has_addresses(endpoints: &Endpoints, port_name: &str) -> bool {
    let mut subsets = endpoints.subsets.iter().flatten();
    subsets.any(|subset| {
        let mut ports = subset.ports.iter().flatten();
        subset.addresses.as_ref().is_some_and(|a| !a.is_empty())
            && ports.any(|port| port.name.as_deref().unwrap_or_default() == port_name)
    })
}

/// One response is enough.
async fn ask(cluster: &dyn Cluster, service: &APIService) -> Availability {
    let Err(first) = cluster.discovery(service).await else {
        return Availability::PASSED;
    };
    let more = (0..MORE_ATTEMPTS).map(|_| cluster.discovery(service));
    if join_all(more).await.iter().any(Result::is_ok) {
        return Availability::PASSED;
    }
    Availability::no("FailedDiscoveryCheck", first)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    struct There {
        service: Value,
        endpoints: Value,
        answers: bool,
    }

    #[async_trait]
    impl Cluster for There {
        async fn service(&self, _: &str, _: &str) -> Result<Option<Service>, Status> {
            read(&self.service)
        }

        async fn endpoints(&self, _: &str, _: &str) -> Result<Option<Endpoints>, Status> {
            read(&self.endpoints)
        }

        async fn discovery(&self, _: &APIService) -> Result<(), String> {
            self.answers.then_some(()).ok_or_else(|| "no".to_owned())
        }
    }

    /// An error is returned, null means missing.
    fn read<K: serde::de::DeserializeOwned>(value: &Value) -> Result<Option<K>, Status> {
        match value.as_str() {
            Some(why) => Err(Status::unavailable(why)),
            None => Ok(serde_json::from_value(value.clone()).unwrap()),
        }
    }

    #[tokio::test]
    async fn missing_parts_are_reported_with_upstreams_texts() {
        let listening = json!({"spec": {"ports": [{"port": 443, "name": "https"}]}});
        let external = json!({"spec": {"type": "ExternalName"}});
        let ready = json!({"subsets": [{"addresses": [{"ip": "10.0.0.1"}],
            "ports": [{"port": 1, "name": "https"}]}]});
        let other =
            json!({"subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 1}]}]});
        let service = serde_json::from_value(json!({"spec": {"groupPriorityMinimum": 1,
            "versionPriority": 1, "service": {"namespace": "n", "name": "s", "port": 443}}}))
        .unwrap();
        for (service_there, endpoints, answers, expected) in [
            (
                json!(null),
                json!(null),
                true,
                "False ServiceNotFound: service/s in \"n\" is not present",
            ),
            (
                json!("away"),
                json!(null),
                true,
                "Unknown ServiceAccessError: service/s in \"n\" cannot be checked due to: away",
            ),
            (
                json!({"spec": {"ports": [{"port": 80}]}}),
                json!(null),
                true,
                "False ServicePortError: service/s in \"n\" is not listening on port 443",
            ),
            (
                listening.clone(),
                json!(null),
                true,
                "False EndpointsNotFound: cannot find endpoints for service/s in \"n\"",
            ),
            (
                listening.clone(),
                json!("away"),
                true,
                "Unknown EndpointsAccessError: service/s in \"n\" cannot be checked due to: away",
            ),
            (
                listening.clone(),
                other,
                true,
                "False MissingEndpoints: endpoints for service/s in \"n\" have no addresses with port name \"https\"",
            ),
            (
                listening.clone(),
                ready.clone(),
                false,
                "False FailedDiscoveryCheck: no",
            ),
            (listening, ready, true, "True Passed: all checks passed"),
            (
                external,
                json!(null),
                true,
                "True Passed: all checks passed",
            ),
        ] {
            let there = There {
                service: service_there,
                endpoints,
                answers,
            };
            let found = check(&there, &service).await;
            let found = format!("{} {}: {}", found.status, found.reason, found.message);
            assert_eq!(found, expected);
        }
    }
}
