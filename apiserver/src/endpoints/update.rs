//! PUT: replacing objects.

use async_trait::async_trait;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::{GroupResource, Object, Status};

use super::body::{self, Incoming, Read};
use super::call::{Call, mismatched};
use super::create::may_create;
use super::write::write;
use crate::response::Response;
use portcullis_registry::Scope;
use portcullis_registry::current::Current;
use portcullis_registry::field_manager::update::Writer;
use portcullis_registry::owners::{self, Origin};
use portcullis_registry::update::Change;

/// The object in the body, regardless of the current one.
struct Replace<'c> {
    call: &'c Call<'c>,
    object: Box<dyn Object>,
    writer: Writer<'c>,
}

#[async_trait]
impl Change for Replace<'_> {
    async fn apply(&self, current: Option<&Current>) -> Result<Box<dyn Object>, Status> {
        let mut object = self.object.clone();
        match current {
            Some(current) => self.writer.changed(current, object.as_mut()).await,
            None => {
                may_create(self.call.api.authorizer.as_ref(), &self.call.scope)?;
                self.writer.created(object.as_mut()).await;
            }
        }
        Ok(object)
    }

    fn means_uid(&self) -> bool {
        true
    }
}

/// Replaces an object, or creates it if its kind allows that.
///
/// # Errors
/// The errors of every stage of a write.
pub async fn update(call: &Call<'_>, body: &mut Incoming) -> Result<Response, Status> {
    let (dry_run, validation) = call.query.write_options("UpdateOptions")?;
    let bytes = body::read(body).await?;
    let mut read = call.read(&bytes, call.expected(), validation)?;
    let empty = std::mem::take(&mut read.empty);
    let change = Replace {
        call,
        object: check_and_default(&call.scope, read)?,
        writer: call.writer().emptying(&empty),
    };
    write(call, dry_run, &change).await
}

/// An object ready for admission: whatever depends only on the object and the URL is checked and set.
///
/// # Errors
/// 400 for metadata that contradict the URL.
pub fn check_and_default(scope: &Scope<'_>, read: Read) -> Result<Box<dyn Object>, Status> {
    let mut object = read.object;
    check_metadata(object.metadata_mut(), scope)?;
    let strategy = &scope.resource.strategy;
    strategy.default(object.as_mut());
    scope.warn(read.warnings);
    scope.warn(strategy.warnings(object.as_ref()));
    owners::dedup(scope, object.metadata_mut(), Origin::Client);
    Ok(object)
}

/// Name and namespace in the body must be those of the URL; a cluster-scoped object's namespace is dropped.
pub(super) fn check_metadata(meta: &mut ObjectMeta, scope: &Scope<'_>) -> Result<(), Status> {
    let (url, namespace) = (scope.name, scope.namespace);
    match meta.name.as_deref().unwrap_or_default() {
        "" => return Err(nameless(url)),
        name if name != url => {
            return Err(mismatched(name, url));
        }
        _ => {}
    }
    let given = meta.namespace.as_deref().unwrap_or_default();
    // the path of a namespace names that namespace as the namespace of the request
    let requested = match scope.resource.group_resource() {
        GroupResource {
            group: "",
            resource: "namespaces",
        } => url,
        _ => namespace,
    };
    if !given.is_empty() && !requested.is_empty() && given != requested {
        return Err(Status::bad_request(format!(
            "the namespace of the object ({given}) does not match the namespace on the request ({requested})"
        )));
    }
    meta.namespace = (!namespace.is_empty()).then(|| namespace.to_owned());
    Ok(())
}

/// The error for an object without a name.
pub(super) fn nameless(url: &str) -> Status {
    Status::bad_request(format!(
        "the name of the object ({url} based on URL) was undeterminable: name must be provided"
    ))
}
