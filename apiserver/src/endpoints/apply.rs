//! PATCH with an apply configuration: server-side apply.
//!
//! Upstream: `applyPatcher` in `k8s.io/apiserver/pkg/endpoints/handlers/patch.go`.

use std::fmt::Display;

use async_trait::async_trait;
use portcullis_api::decode::{self, Parsed};
use portcullis_api::{FieldError, Object, Path, Status, go_number};
use serde_json::Value;

use super::body::{self, Incoming, YamlError};
use super::call::Call;
use super::create::may_create;
use super::query::{FieldValidation, invalid_unless_empty};
use super::update;
use super::write::write;
use crate::response::Response;
use portcullis_registry::codec;
use portcullis_registry::current::Current;
use portcullis_registry::field_manager::apply::Apply;
use portcullis_registry::field_manager::tracked;
use portcullis_registry::update::Change;

/// The media type of an apply configuration, which may be JSON too.
pub const MEDIA_TYPE: &str = "application/apply-patch+yaml";

/// A configuration, applied to the current object.
struct Configured<'c> {
    call: &'c Call<'c>,
    apply: Apply<'c>,
}

#[async_trait]
impl Change for Configured<'_> {
    async fn apply(&self, current: Option<&Current>) -> Result<Box<dyn Object>, Status> {
        let scope = &self.call.scope;
        let (live, entries) = match current {
            Some(current) => {
                let mut live = current.object.clone();
                let entries = live.metadata_mut().managed_fields.take();
                (
                    codec::served(scope.resource, self.call.api_version, live.as_ref()),
                    entries,
                )
            }
            None if self.creates() => {
                may_create(self.call.api.authorizer.as_ref(), scope)?;
                (tracked::empty(scope.resource, self.call.api_version), None)
            }
            None => {
                let resource = scope.group_resource();
                return Err(Status::not_found(resource, scope.name));
            }
        };
        let applied = self.apply.merge_into(&live, entries.unwrap_or_default());
        let applied = applied.await?;
        let decoded = scope
            .resource
            .decode_applied(self.call.api_version, &applied.object);
        let mut object = decoded.map_err(|e| untyped(self.call, &e))?.value;
        let metadata = object.metadata_mut();
        metadata.managed_fields = applied.managed;
        if current.is_none() {
            metadata.resource_version = None;
            if let Some(uid) = metadata.uid.as_deref().filter(|uid| !uid.is_empty()) {
                let why = format!(
                    "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
                );
                let resource = scope.group_resource();
                return Err(Status::conflict(resource, scope.name, &why));
            }
        }
        update::check_metadata(metadata, scope)?;
        scope.resource.strategy.default(object.as_mut());
        Ok(object)
    }

    fn creates(&self) -> bool {
        self.call.scope.subresource.is_empty()
    }
}

/// Applies a configuration to an object, or makes the object of it.
///
/// # Errors
/// 409 for conflicts with other managers, and the errors of every stage of a write.
pub async fn apply(call: &Call<'_>, body: &mut Incoming) -> Result<Response, Status> {
    let (dry_run, validation) = call.query.write_options("PatchOptions")?;
    if call.query.get("fieldManager").is_empty() {
        let required =
            FieldError::required(&Path::new("fieldManager"), "is required for apply patch");
        invalid_unless_empty("PatchOptions", &[required])?;
    }
    let bytes = body::read(body).await?;
    let parsed = parse(&bytes)?;
    let config = parsed.value;
    call.note(|| config.to_string().into());
    let apply = Apply {
        writer: call.writer(),
        config: &config,
        force: call.query.flag("force"),
    };
    check(call, &apply)?;
    call.scope
        .warn(problems(&parsed.duplicate_fields, validation)?);
    let change = Configured { call, apply };
    write(call, dry_run, &change).await
}

fn parse(bytes: &[u8]) -> Result<Parsed, Status> {
    let bad = |why: &dyn Display| Status::bad_request(format!("error decoding YAML: {why}"));
    // most clients send JSON, whose parser is faster
    let mut parsed = match decode::parse(bytes) {
        Ok(parsed) => parsed,
        Err(_) => {
            let value = body::yaml(bytes).map_err(|e| match e {
                YamlError::Twice { .. } => Status::bad_request(format!(
                    "error strict decoding YAML: error converting YAML to JSON: {}",
                    e.in_go()
                )),
                YamlError::Other(why) => bad(&why),
            })?;
            decode::check_size(&value).map_err(|e| bad(&e))?;
            Parsed {
                value,
                duplicate_fields: Vec::new(),
            }
        }
    };
    // upstream converts the document to JSON, which makes an integer of 2.0
    go_number::reread_all(&mut parsed.value);
    if parsed.value.is_object() {
        return Ok(parsed);
    }
    Err(bad(&"an apply configuration is an object"))
}

/// Warnings about duplicate fields, each once (upstream: `applyPatcher.applyPatchToCurrentObject`).
fn problems(twice: &[String], validation: FieldValidation) -> Result<Vec<String>, Status> {
    let problems: Vec<_> = (twice.iter().take(body::PROBLEMS_MAX))
        .map(|field| format!("duplicate field {field:?}"))
        .collect();
    match validation {
        FieldValidation::Strict if !problems.is_empty() => Err(Status::bad_request(format!(
            "error strict decoding YAML: {}",
            problems.join(", ")
        ))),
        FieldValidation::Strict | FieldValidation::Warn => Ok(problems),
        FieldValidation::Ignore => Ok(Vec::new()),
    }
}

/// Checks a configuration independently of the object it is applied to.
fn check(call: &Call<'_>, apply: &Apply<'_>) -> Result<(), Status> {
    let text = |name: &str| {
        apply
            .config
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (version, kind) = (text("apiVersion"), text("kind"));
    if version != call.api_version {
        return Err(Status::bad_request(format!(
            "Incorrect version specified in apply patch. Specified patch version: {version}, expected: {}",
            call.api_version
        )));
    }
    if kind != call.scope.resource.kind {
        return Err(Status::bad_request(format!(
            "invalid object type: {}/{}, Kind={kind}",
            call.info.group, call.info.version
        )));
    }
    let metadata = apply.config.get("metadata");
    if metadata
        .and_then(|m| m.get("managedFields"))
        .is_some_and(|m| !m.is_null())
    {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    let decoded = call.scope.resource.decode(call.api_version, apply.config);
    let unknown = decoded.map_err(|e| untyped(call, &e))?.unknown_fields;
    if let Some(field) = unknown.first() {
        return Err(untyped(
            call,
            &format!(".{field}: field not declared in schema"),
        ));
    }
    match apply.list_errors().as_slice() {
        [] => Ok(()),
        errors => Err(untyped(call, &errors.join("\n"))),
    }
}

/// A 400 where upstream returns a 500, since the mistake is the client's.
fn untyped(call: &Call<'_>, why: &dyn Display) -> Status {
    let scope = &call.scope;
    Status::bad_request(format!(
        "failed to create typed patch object ({}/{}; {}, Kind={}): {why}",
        scope.namespace, scope.name, call.api_version, scope.resource.kind
    ))
}
