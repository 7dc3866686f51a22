//! POST to `pods/eviction`: deleting a pod, as far as disruption budgets allow. There are none here
//! yet, so every pod may go.
//!
//! Upstream: `pkg/registry/core/pod/storage/eviction.go`.

use http::StatusCode;
use k8s_openapi::api::policy::v1::Eviction;
use portcullis_api::{ObjectType, Status};

use super::Call;
use super::body::{self, Expected, Incoming};
use super::delete::checked;
use crate::registry::Scope;
use crate::response::{self, Response};

static EVICTION: ObjectType = ObjectType::of::<Eviction>();
/// The versions an eviction may come in; they have the same fields.
const VERSIONS: [&str; 2] = ["policy/v1", "policy/v1beta1"];

/// Evicts a pod.
///
/// # Errors
/// As a deletion; 400 for an eviction of another pod.
pub async fn create(call: &Call<'_>, body: &mut Incoming) -> Result<Response, Status> {
    let (dry_run, validation) = call.query.write_options("CreateOptions")?;
    let bytes = body::read(body).await?;
    let media_type = body::media_type(&call.parts.headers);
    let read = |api_version| {
        let expected = Expected {
            kind: "Eviction",
            api_version,
            object_type: &EVICTION,
        };
        body::object(&bytes, media_type, expected, validation)
    };
    let read = read(VERSIONS[0]).or_else(|_| read(VERSIONS[1]))?;
    let eviction = read
        .object
        .as_kind::<Eviction>()
        .cloned()
        .unwrap_or_default();
    let name = eviction.metadata.name.as_deref().unwrap_or(call.scope.name);
    if name != call.scope.name {
        return Err(Status::bad_request(
            "name in URL does not match name in Eviction object",
        ));
    }
    let options = eviction.delete_options.unwrap_or_default();
    let dry_run = dry_run || options.dry_run.as_ref().is_some_and(|d| !d.is_empty());
    let scope = Scope {
        subresource: "",
        ..call.writing(dry_run)
    };
    call.app
        .registry()
        .delete(&scope, &checked(options)?)
        .await?;
    Ok(response::bytes(
        StatusCode::CREATED,
        response::JSON,
        Status::created().to_json(),
    ))
}
