//! POST: reads the body, sets defaults and managed fields, has the object created
//! ([`Registry::create`](portcullis_registry::Registry::create)), and responds with it.

use http::StatusCode;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::{Object, Status};
use portcullis_rbac::{Attributes, Authorizer, ResourceTarget, Target};

use super::body::{self, Incoming, Read};
use super::call::{Call, mismatched};
use crate::access::authorization;
use crate::response::Response;
use portcullis_registry::owners::{self, Origin};
use portcullis_registry::{Scope, metadata};

/// Creates an object.
///
/// # Errors
/// The errors of every stage of a write.
pub async fn create(call: &Call<'_>, body: &mut Incoming) -> Result<Response, Status> {
    let (dry_run, validation) = call.query.write_options("CreateOptions")?;
    let bytes = body::read(body).await?;
    let mut read = call.read(&bytes, call.expected(), validation)?;
    let scope = call.writing(dry_run);
    let empty = std::mem::take(&mut read.empty);
    check_name(read.object.metadata(), scope.name)?;
    let mut object = check_and_default(&scope, read)?;
    let writer = call.writer().emptying(&empty);
    writer.created(object.as_mut()).await;
    let entry = call.api.registry.create(&scope, object).await?;
    call.respond(StatusCode::CREATED, &entry)
}

/// Checks the namespace of a decoded object, and sets its defaults; before admission.
///
/// # Errors
/// 400 for metadata that contradict the URL.
pub fn check_and_default(scope: &Scope<'_>, read: Read) -> Result<Box<dyn Object>, Status> {
    let mut object = read.object;
    check_namespace(object.metadata(), scope.namespace)?;
    let strategy = &scope.resource.strategy;
    strategy.default(object.as_mut());
    scope.warn(read.warnings);
    scope.warn(strategy.warnings(object.as_ref()));
    owners::dedup(scope, object.metadata_mut(), Origin::Client);
    Ok(object)
}

/// Sets the namespace of an object that is not stored, such as a review or a token request, to the URL's
/// (upstream: `EnsureObjectNamespaceMatchesRequestNamespace`).
///
/// # Errors
/// 400 if it names another namespace.
pub fn settle_namespace(meta: &mut ObjectMeta, namespace: &str) -> Result<(), Status> {
    check_namespace(meta, namespace)?;
    meta.namespace = Some(namespace.to_owned()).filter(|namespace| !namespace.is_empty());
    Ok(())
}

/// Whether a user who may update or patch an object may also create it.
///
/// Upstream: `withAuthorization` in `k8s.io/apiserver/pkg/endpoints/handlers/update.go`.
///
/// # Errors
/// 403.
pub fn may_create(authorizer: &dyn Authorizer, scope: &Scope<'_>) -> Result<(), Status> {
    let target = ResourceTarget {
        group: scope.resource.group,
        resource: scope.resource.plural,
        subresource: scope.subresource,
        namespace: scope.namespace,
        name: scope.name,
        version: scope.api_version.rsplit('/').next().unwrap_or_default(),
    };
    let attributes = Attributes {
        user: scope.user,
        verb: "create",
        target: Target::Resource(target),
    };
    authorization::check(authorizer, &attributes)
}

/// A POST may have a name in its URL only for custom kinds. Upstream ignores that name, although the request was
/// authorized by it; here it must be the object's.
fn check_name(meta: &ObjectMeta, url: &str) -> Result<(), Status> {
    let given = meta.name.as_deref().unwrap_or_default();
    if url.is_empty() || given.is_empty() || given == url {
        return Ok(());
    }
    Err(mismatched(given, url))
}

fn check_namespace(meta: &ObjectMeta, namespace: &str) -> Result<(), Status> {
    if namespace.is_empty() {
        return Ok(());
    }
    metadata::check_namespace(meta, namespace)
}
