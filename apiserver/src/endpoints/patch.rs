//! PATCH: changing parts of objects.

use async_trait::async_trait;
use http::HeaderMap;
use portcullis_api::decode::DecodeError;
use portcullis_api::patch::{Patch, PatchType};
use portcullis_api::status::{Details, Reason};
use portcullis_api::type_metadata;
use portcullis_api::{FieldError, Object, Path, Status, decode};
use serde_json::Value;

use super::apply;
use super::body::{self, Incoming, Unfit};
use super::call::Call;
use super::query::{FieldValidation, invalid_unless_empty};
use super::update;
use super::write::write;
use crate::response::Response;
use portcullis_registry::current::Current;
use portcullis_registry::update::Change;

/// A patch, applied to the current object.
struct Patched<'c> {
    call: &'c Call<'c>,
    patch: Patch,
    /// The duplicate fields of the patch.
    duplicates: Vec<String>,
    validation: FieldValidation,
}

#[async_trait]
impl Change for Patched<'_> {
    async fn apply(&self, current: Option<&Current>) -> Result<Box<dyn Object>, Status> {
        let scope = &self.call.scope;
        let Some(current) = current else {
            return Err(Status::not_found(scope.group_resource(), scope.name));
        };
        // a patch is applied to the version it was sent to
        let original = current.served(scope.resource, self.call.api_version);
        let mut value = self.patch.apply(
            &original,
            type_metadata::type_name(self.call.api_version, scope.resource.kind),
        )?;
        if self.patch.keeps_type() {
            keep_type(&mut value, &original);
        } else if is_versionless(&value) && scope.resource.strategy.custom().is_none() {
            return Err(update::nameless(scope.name));
        }
        let read = body::typed(
            &value,
            &self.duplicates,
            self.call.expected(),
            self.validation,
        )
        .map_err(|why| self.unreadable(&value, why))?;
        scope.warn(read.warnings);
        let mut object = read.object;
        update::check_metadata(object.metadata_mut(), scope)?;
        scope.resource.strategy.default(object.as_mut());
        let writer = self.call.writer().emptying(&read.empty);
        writer.changed(current, object.as_mut()).await;
        Ok(object)
    }
}

impl Patched<'_> {
    fn unreadable(&self, outcome: &Value, why: Unfit) -> Status {
        let why = match why {
            Unfit::Type(status) if status.reason == Some(Reason::Invalid) => return status,
            Unfit::Type(status) => DecodeError::Value(status.message),
            Unfit::Fields(why) => why,
        };
        self.patch.unreadable(outcome, &why)
    }
}

/// The patch's values for kind and version are ignored.
fn keep_type(outcome: &mut Value, original: &Value) {
    for name in ["kind", "apiVersion"] {
        if outcome.get(name).is_none_or(Value::is_string) {
            outcome[name] = original[name].clone();
        }
    }
}

/// Whether the patch removed the version: upstream then decodes nothing, not even the name.
fn is_versionless(outcome: &Value) -> bool {
    matches!(outcome.get("apiVersion"), None | Some(Value::Null))
        || outcome["apiVersion"].as_str() == Some("")
}

/// Patches an object.
///
/// # Errors
/// The errors of every stage of a write.
pub async fn patch(call: &Call<'_>, body: &mut Incoming) -> Result<Response, Status> {
    if body::media_type(&call.parts.headers) == apply::MEDIA_TYPE {
        return apply::apply(call, body).await;
    }
    let (dry_run, validation) = call.query.write_options("PatchOptions")?;
    if !call.query.get("force").is_empty() {
        let why = "may not be specified for non-apply patch";
        invalid_unless_empty(
            "PatchOptions",
            &[FieldError::forbidden(&Path::new("force"), why)],
        )?;
    }
    let bytes = body::read(body).await?;
    let (patch, duplicates) = parse(call, &bytes)?;
    call.note(|| bytes.clone());
    let change = Patched {
        call,
        patch,
        duplicates,
        validation,
    };
    write(call, dry_run, &change).await
}

/// The patch, and its duplicate fields.
fn parse(call: &Call<'_>, bytes: &[u8]) -> Result<(Patch, Vec<String>), Status> {
    let media_type = body::media_type(&call.parts.headers);
    let resource = call.parent.unwrap_or(call.scope.resource);
    let patch_type = patch_type(media_type, resource.strategy.custom().is_some())?;
    let parsed = decode::parse(bytes)
        .map_err(|e| Status::bad_request(format!("error decoding patch: {e}")))?;
    let patch = Patch::new(patch_type, parsed.value)?;
    Ok((patch, parsed.duplicate_fields))
}

fn patch_type(media_type: &str, is_custom: bool) -> Result<PatchType, Status> {
    let unsupported = |why| Status::failure(Reason::UnsupportedMediaType, why);
    match PatchType::of(media_type) {
        // no Go type defines how lists of custom kinds are merged
        Some(PatchType::Strategic) | None if is_custom => Err(unsupported(
            "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        )),
        Some(patch_type) => Ok(patch_type),
        // upstream has no route for other media types
        None => Err(unsupported("415: Unsupported Media Type").with_details(Details::default())),
    }
}

/// Checks the media type of a patch of a custom kind.
///
/// # Errors
/// 415.
pub fn check_custom_type(headers: &HeaderMap) -> Result<(), Status> {
    match body::media_type(headers) {
        apply::MEDIA_TYPE => Ok(()),
        media_type => patch_type(media_type, true).map(drop),
    }
}
