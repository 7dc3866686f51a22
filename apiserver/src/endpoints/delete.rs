//! DELETE of an object, or of all objects of a list.

use std::sync::LazyLock;

use http::StatusCode;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use portcullis_api::decode;
use portcullis_api::protobuf::{self, Envelope};
use portcullis_api::status::Details;
use portcullis_api::{ErrorList, FieldError, Path, Status};
use serde_json::Value;

use super::body::{self, Incoming};
use super::call::Call;
use super::query::{dry_run_errors, invalid_unless_empty};
use crate::request::Query;
use crate::response::{self, Response};
use portcullis_registry::Scope;
use portcullis_registry::delete::{DeleteOptions, Deleted, Propagation};

/// The policies, as upstream lists them.
static POLICIES: LazyLock<String> = LazyLock::new(|| {
    ["Foreground", "Background", "Orphan", "nil"]
        .map(|p| format!("{p:?}"))
        .join(", ")
});

/// Deletes an object.
///
/// # Errors
/// The errors of every stage of a deletion.
pub async fn delete(call: &Call<'_>, body: &mut Incoming) -> Result<Response, Status> {
    let request = read_request(call, body).await?;
    let registry = &call.api.registry;
    let scope = call.writing(request.dry_run);
    match registry.delete(&scope, &request.options).await? {
        Deleted::Unreadable(details) => Ok(success(details)),
        Deleted::Gone(_, details) if !call.scope.resource.strategy.returns_deleted() => {
            Ok(success(details))
        }
        Deleted::Pending(entry) if request.cascades => call.respond(StatusCode::ACCEPTED, &entry),
        Deleted::Gone(entry, _) | Deleted::Pending(entry) => call.respond(StatusCode::OK, &entry),
    }
}

fn success(details: Details) -> Response {
    response::status(&Status::success(details))
}

/// Deletes the objects that a list with the same query would return.
///
/// # Errors
/// As [`delete`], for the first object that cannot be deleted.
pub async fn delete_collection(call: &Call<'_>, body: &mut Incoming) -> Result<Response, Status> {
    let query = call.query.list(call.scope.resource, call.api_version)?;
    let request = read_request(call, body).await?;
    let scope = Scope {
        name: "",
        ..call.writing(request.dry_run)
    };
    let list = call
        .api
        .registry
        .delete_collection(&scope, &query, &request.options)
        .await?;
    call.respond_list(list).await
}

/// The options of a request.
struct DeletionRequest {
    options: DeleteOptions,
    dry_run: bool,
    /// Whether `orphanDependents` is false, which is answered with 202 while dependents remain.
    cascades: bool,
}

/// The options in the body, or else in the query.
async fn read_request(call: &Call<'_>, body: &mut Incoming) -> Result<DeletionRequest, Status> {
    let bytes = body::read(body).await?;
    let options = if bytes.is_empty() {
        from_query(call.query)?
    } else {
        let value = from_body(&bytes, body::media_type(&call.parts.headers))?;
        let options = decode::decode(&value).map_err(|e| unreadable(&e))?.value;
        call.note(|| value.to_string().into());
        options
    };
    let dry_run = options.dry_run.as_ref().is_some_and(|d| !d.is_empty())
        || !call.query.get("dryRun").is_empty();
    call.query.write_options("DeleteOptions")?;
    Ok(DeletionRequest {
        dry_run,
        cascades: options.orphan_dependents == Some(false),
        options: checked(options)?,
    })
}

fn from_body(bytes: &[u8], media_type: &str) -> Result<Value, Status> {
    let value = match media_type {
        protobuf::MEDIA_TYPE => return from_protobuf(bytes),
        "" | "application/json" => decode::parse(bytes).map_err(|e| unreadable(&e))?.value,
        "application/yaml" => {
            let value = body::yaml(bytes).map_err(|e| unreadable(&e.in_go()))?;
            decode::check_size(&value).map_err(|e| unreadable(&e))?;
            value
        }
        _ => return Err(body::unsupported()),
    };
    match value.get("kind").and_then(Value::as_str) {
        None | Some("" | "DeleteOptions") => Ok(value),
        Some(kind) => Err(unreadable(&format!("they are of kind {kind}"))),
    }
}

/// Options may have their own version, or that of the deleted object.
fn from_protobuf(bytes: &[u8]) -> Result<Value, Status> {
    let envelope = Envelope::open(bytes)
        .map_err(|e| unreadable(&e))?
        .or_type("meta.k8s.io/v1", "DeleteOptions");
    if envelope.kind != "DeleteOptions" {
        return Err(unreadable(&format!("they are of kind {}", envelope.kind)));
    }
    envelope.to_value().map_err(|e| unreadable(&e))
}

fn unreadable(why: &dyn std::fmt::Display) -> Status {
    Status::bad_request(format!("cannot parse the DeleteOptions in the body: {why}"))
}

/// Upstream: `Convert_url_Values_To_v1_DeleteOptions` in `k8s.io/apimachinery/pkg/apis/meta/v1`.
fn from_query(query: &Query) -> Result<meta::DeleteOptions, Status> {
    let named = |name| query.given(name).map(str::to_owned);
    let preconditions = meta::Preconditions {
        uid: named("uid").filter(|uid| !uid.is_empty()),
        resource_version: named("resourceVersion").filter(|version| !version.is_empty()),
    };
    let orphan = query.given("orphanDependents");
    Ok(meta::DeleteOptions {
        grace_period_seconds: query.number("gracePeriodSeconds")?,
        propagation_policy: named("propagationPolicy"),
        orphan_dependents: orphan.map(|_| query.flag("orphanDependents")),
        preconditions: Some(preconditions),
        ..meta::DeleteOptions::default()
    })
}

/// Upstream: `ValidateDeleteOptions` in `k8s.io/apimachinery/pkg/apis/meta/v1/validation`.
pub(super) fn checked(options: meta::DeleteOptions) -> Result<DeleteOptions, Status> {
    let path = Path::new("propagationPolicy");
    let mut errors = ErrorList::new();
    let policy = options.propagation_policy.as_deref();
    if let (Some(policy), Some(_)) = (policy, options.orphan_dependents) {
        let why = "orphanDependents and deletionPropagation cannot be both set";
        errors.push(FieldError::invalid(&path, policy, why));
    }
    let propagation = match (policy, options.orphan_dependents) {
        (Some("Foreground"), _) => Some(Propagation::Foreground),
        (Some("Background"), _) | (None, Some(false)) => Some(Propagation::Background),
        (Some("Orphan"), _) | (None, Some(true)) => Some(Propagation::Orphan),
        (None, None) => None,
        (Some(other), _) => {
            let mut error = FieldError::not_supported(&path, other, &[]);
            error.detail = format!("supported values: {}", *POLICIES);
            errors.push(error);
            None
        }
    };
    let dry_run: Vec<_> = options
        .dry_run
        .iter()
        .flatten()
        .map(String::as_str)
        .collect();
    errors.extend(dry_run_errors(&dry_run));
    invalid_unless_empty("DeleteOptions", &errors)?;
    let preconditions = options.preconditions.unwrap_or_default();
    Ok(DeleteOptions {
        grace_period: options.grace_period_seconds,
        uid: preconditions.uid,
        resource_version: preconditions.resource_version,
        propagation,
    })
}
