//! GET of component statuses: calls the health checks of a control plane's components.
//!
//! Upstream: `pkg/registry/core/componentstatus/rest.go`.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::StatusCode;
use k8s_openapi::api::core::v1::{ComponentCondition, ComponentStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::Status;
use portcullis_api::encode::encode;
use portcullis_storage::Entry;

use super::call::Call;
use crate::health::Health;
use crate::outbound::healthcheck;
use crate::outbound::https::HttpsError;
use crate::response::Response;
use portcullis_registry::collection::List;

/// Where the other components listen by default in kube-apiserver.
const SERVERS: [(&str, &str); 2] = [
    ("controller-manager", "127.0.0.1:10257"),
    ("scheduler", "127.0.0.1:10259"),
];
/// The store, embedded or etcd.
const STORE: &str = "etcd-0";
const TIMEOUT: Duration = Duration::from_secs(2);

/// Checks one component.
///
/// # Errors
/// 404 for an unknown component.
pub async fn get(call: &Call<'_>) -> Result<Response, Status> {
    let name = call.scope.name;
    let known = SERVERS.iter().any(|(known, _)| *known == name) || name == STORE;
    if !known {
        let resource = call.scope.group_resource();
        return Err(Status::not_found(resource, name));
    }
    let entry = entry(call, name).await;
    call.respond(StatusCode::OK, &entry)
}

/// Checks all of them.
///
/// # Errors
/// 400 for invalid options.
pub async fn list(call: &Call<'_>) -> Result<Response, Status> {
    let query = call.query.list(call.scope.resource, call.api_version)?;
    let names = SERVERS.iter().map(|(name, _)| *name).chain([STORE]);
    let mut entries = Vec::new();
    for entry in join_all(names.map(|name| entry(call, name))).await {
        if query.selection.matches(call.scope.resource, &entry)? {
            entries.push(entry);
        }
    }
    let list = List {
        entries,
        revision: 0,
        continues: None,
        remaining: None,
    };
    call.respond_list(list).await
}

/// A component's status, in the form of a stored entry.
async fn entry(call: &Call<'_>, name: &str) -> Arc<Entry> {
    let resource = call.scope.resource;
    let status = ComponentStatus {
        metadata: ObjectMeta {
            name: Some(name.into()),
            ..ObjectMeta::default()
        },
        conditions: Some(vec![ask(&call.api.health, name).await]),
    };
    let bytes = encode(&status, resource.type_meta(&resource.api_version()));
    let key = call.api.registry.key(resource, "", name);
    Entry::new(key, Bytes::from(bytes), 0)
}

async fn ask(health: &Health, name: &str) -> ComponentCondition {
    let server = SERVERS.iter().find(|(known, _)| *known == name);
    let answer = match server {
        None => match health.store().await {
            Ok(()) => Ok(r#"{"health":"true","reason":""}"#.to_owned()),
            Err(why) => Err(why),
        },
        Some((_, address)) => ask_server(address).await,
    };
    let (status, message) = match answer {
        Ok(message) => ("True", message),
        Err(message) => ("False", message),
    };
    ComponentCondition {
        type_: "Healthy".into(),
        status: status.into(),
        message: Some(message),
        error: None,
    }
}

/// The response of a component's `/healthz`; a refused connection with the text of Go's HTTP client, which
/// scripts expect.
async fn ask_server(address: &str) -> Result<String, String> {
    let url = format!("https://{address}/healthz");
    let asked = tokio::time::timeout(TIMEOUT, healthcheck::status_of(&url)).await;
    let why = match asked {
        Ok(Ok(200)) => return Ok("ok".into()),
        Ok(Ok(code)) => return Err(format!("HTTP probe failed with statuscode: {code}")),
        Ok(Err(HttpsError::Connection(e))) if e.kind() == ErrorKind::ConnectionRefused => {
            format!("dial tcp {address}: connect: connection refused")
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => "context deadline exceeded".into(),
    };
    Err(format!("Get \"{url}\": {why}"))
}
