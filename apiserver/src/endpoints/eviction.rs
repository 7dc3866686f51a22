//! POST to `pods/eviction`: deleting a pod, if its disruption budget allows it.
//!
//! Upstream: `pkg/registry/core/pod/storage/eviction.go`.

mod budget;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::Eviction;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use portcullis_api::status::Reason;
use portcullis_api::{GroupKind, ObjectType, Status};
use portcullis_storage::ReadAt;

use self::budget::Decision;
use super::body::{self, Expected, Incoming};
use super::call::Call;
use super::delete::checked;
use crate::response::{self, Response};
use portcullis_registry::delete::DeleteOptions;
use portcullis_registry::{Scope, codec};

static EVICTION: ObjectType = ObjectType::of::<Eviction>();
/// The versions of an eviction; they have the same fields.
const VERSIONS: [&str; 2] = ["policy/v1", "policy/v1beta1"];
const KIND: GroupKind<'_> = GroupKind {
    group: "policy",
    kind: "Eviction",
};
/// How often the decision is repeated for a pod that changes meanwhile.
const ATTEMPTS: usize = 20;

/// Evicts a pod.
///
/// # Errors
/// As a deletion; 400 for an eviction of another pod; 429 if a disruption budget does not allow it.
pub async fn create(call: &Call<'_>, body: &mut Incoming) -> Result<Response, Status> {
    let (dry_run, eviction) = read(call, body).await?;
    let (dry_run, options) = delete_options(call, dry_run, &eviction)?;
    let admitted = call.writing(dry_run);
    call.api
        .registry
        .admit_action(&admitted, KIND, &EVICTION, Box::new(eviction))
        .await?;
    let scope = Scope {
        subresource: "",
        is_admitted: true,
        ..admitted
    };
    evict(call, &scope, options).await?;
    Ok(response::status(&Status::created()))
}

async fn read(call: &Call<'_>, body: &mut Incoming) -> Result<(bool, Eviction), Status> {
    let (dry_run, validation) = call.query.write_options("CreateOptions")?;
    let bytes = body::read(body).await?;
    let read = |api_version| {
        let expected = Expected {
            kind: KIND.kind,
            api_version,
            reader: body::Reader::Type(&EVICTION),
        };
        call.read(&bytes, expected, validation)
    };
    let read = read(VERSIONS[0]).or_else(|_| read(VERSIONS[1]))?;
    let eviction = read.object.as_kind::<Eviction>().cloned();
    let eviction = eviction.ok_or_else(|| Status::internal("an eviction of an unexpected type"))?;
    let name = eviction.metadata.name.as_deref().unwrap_or_default();
    if name == call.scope.name {
        return Ok((dry_run, eviction));
    }
    Err(Status::bad_request(
        "name in URL does not match name in Eviction object",
    ))
}

/// A dry run may be requested in the query or in the body.
fn delete_options(
    call: &Call<'_>,
    dry_run: bool,
    eviction: &Eviction,
) -> Result<(bool, DeleteOptions), Status> {
    let options: meta::DeleteOptions = eviction.delete_options.clone().unwrap_or_default();
    let inside = options.dry_run.iter().flatten().collect::<Vec<_>>();
    let outside: Vec<_> = call.query.all("dryRun").collect();
    if !inside.is_empty() && dry_run && inside != outside {
        return Err(Status::bad_request(format!(
            "Non-matching dry-run options in request and content: {outside:?} and {inside:?}"
        )));
    }
    let dry_run = dry_run || !inside.is_empty();
    Ok((dry_run, checked(options)?))
}

async fn evict(call: &Call<'_>, scope: &Scope<'_>, options: DeleteOptions) -> Result<(), Status> {
    let registry = &call.api.registry;
    let named_version = options.resource_version.is_some();
    for attempt in 1.. {
        let entry = registry.get(scope, ReadAt::Latest).await?;
        let object = codec::object(scope.resource, &entry)?;
        let pod = object.as_kind::<Pod>();
        let pod = pod.ok_or_else(|| Status::internal("a pod of an unexpected type"))?;
        let decision = budget::decide(registry, scope, pod).await?;
        let mut options = options.clone();
        let guarded = !named_version && decision.holds_for_this_version_only();
        if guarded {
            options.resource_version = Some(entry.revision.to_string());
        }
        match registry.delete(scope, &options).await {
            Ok(_) => return Ok(()),
            Err(status) if guarded && status.reason == Some(Reason::Conflict) => match decision {
                Decision::Unready { budget } => return Err(budget::later(&budget)),
                Decision::Free | Decision::NotStarted | Decision::Counted if attempt < ATTEMPTS => {
                }
                Decision::Free | Decision::NotStarted | Decision::Counted => return Err(status),
            },
            Err(status) => return Err(status),
        }
    }
    Ok(())
}
