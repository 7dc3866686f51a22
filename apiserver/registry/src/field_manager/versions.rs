//! Changes as the managers of other versions see them.
//!
//! The paths of a manager's fields are those of the version that it wrote. So that a change can be compared with
//! them, the object before and after it is converted to that version. If all managers wrote in the version
//! of the request, nothing is converted or copied.
//!
//! Upstream: `k8s.io/apimachinery/pkg/util/managedfields/internal/versionconverter.go`, and its use in
//! `structured-merge-diff/merge/update.go`.

use std::borrow::Cow;

use portcullis_api::Status;
use portcullis_kinds::custom::CustomKind;
use portcullis_kinds::resource::Resource;
use serde_json::Value;

use super::field_set::FieldSet;
use super::managed::Managed;
use super::tracked::Tracked;
use super::update::Writer;
use crate::codec;
use crate::conversion::Conversions;

/// The versions of a resource.
#[derive(Clone, Copy)]
pub(super) struct Versions<'a> {
    pub(super) resource: &'a Resource,
    /// Calls the webhooks of custom kinds; without it their conversion fails.
    pub(super) conversions: Option<&'a Conversions>,
}

impl Versions<'_> {
    /// Whether the resource has a version. The fields of managers in other versions are not known any more. As
    /// upstream, a definition's version counts while it is listed, served or not.
    pub(super) fn contains(self, api_version: &str) -> bool {
        match self.resource.strategy.custom() {
            Some(custom) => custom.has_version(api_version),
            None => self.resource.api_versions().any(|v| v == api_version),
        }
    }

    /// An object in another version; the object itself if it does not differ there.
    ///
    /// # Errors
    /// Those of the webhook.
    pub(super) async fn convert<'v>(
        self,
        object: Cow<'v, Value>,
        api_version: &str,
    ) -> Result<Cow<'v, Value>, Status> {
        let [converted] = self.convert_all([object], api_version).await?;
        Ok(converted)
    }

    /// Objects of one version in another one, with one call of the webhook.
    async fn convert_all<'v, const N: usize>(
        self,
        mut objects: [Cow<'v, Value>; N],
        api_version: &str,
    ) -> Result<[Cow<'v, Value>; N], Status> {
        let label = objects.first().and_then(|object| object.get("apiVersion"));
        let from = label.and_then(Value::as_str).unwrap_or_default().to_owned();
        if from == api_version {
            return Ok(objects);
        }
        if let Some(kind) = self.resource.strategy.custom() {
            return self.convert_custom(kind, objects, api_version).await;
        }
        let has_type = |version| self.resource.conversion(version).is_some();
        // versions that differ in nothing but their label have the same fields
        if has_type(&from) || has_type(api_version) {
            for object in &mut objects {
                let decoded = self.resource.decode(&from, object);
                let decoded = decoded.map_err(|why| {
                    Status::unknown(format!("failed to convert to {api_version}: {why}"))
                })?;
                let converted = codec::served(self.resource, api_version, decoded.value.as_ref());
                *object = Cow::Owned(converted);
            }
        }
        Ok(objects)
    }

    /// Webhooks are not called for empty objects (upstream: `isEmptyUnstructuredObject`).
    async fn convert_custom<'v, const N: usize>(
        self,
        kind: &CustomKind,
        mut objects: [Cow<'v, Value>; N],
        api_version: &str,
    ) -> Result<[Cow<'v, Value>; N], Status> {
        let unconnected = Conversions::default();
        let conversions = self.conversions.unwrap_or(&unconnected);
        let filled = objects.iter_mut().filter(|object| !is_empty(object));
        let documents = filled.map(|object| std::mem::take(object.to_mut()));
        let documents = documents.collect();
        let converted = conversions.documents(kind, api_version, documents).await?;
        let mut converted = converted.into_iter();
        for object in &mut objects {
            let document = object.to_mut();
            if document.is_null() {
                *document = converted.next().unwrap_or_default();
            }
            kind.fit(api_version, document);
        }
        Ok(objects)
    }
}

/// Whether an object has nothing but a type, and metadata without values.
fn is_empty(object: &Value) -> bool {
    let mut fields = object.as_object().into_iter().flatten();
    fields.all(|(name, value)| match (name.as_str(), value) {
        ("apiVersion" | "kind", _) => true,
        ("metadata", Value::Object(metadata)) => metadata.values().all(Value::is_null),
        _ => false,
    })
}

/// The fields that a change affects, in one version.
pub(super) struct Changed {
    /// Fields with other values, and new ones.
    pub(super) set: FieldSet,
    /// Fields that are gone.
    pub(super) removed: FieldSet,
}

impl Changed {
    fn between(tracked: Tracked<'_>, old: &Value, new: &Value) -> Self {
        let found = tracked.compare(old, new);
        let mut set = found.modified;
        set.union(found.added);
        Self {
            set,
            removed: found.removed,
        }
    }
}

/// A change in the versions of all managers.
pub(super) struct Changes {
    /// In the version of the request.
    pub(super) own: Changed,
    /// In other versions.
    others: Vec<(String, Changed)>,
}

impl Changes {
    /// Compares an object before and after a change; both are in the writer's version.
    ///
    /// # Errors
    /// Those of the webhook.
    pub(super) async fn between(
        writer: Writer<'_>,
        old: &Value,
        new: &Value,
        managed: &Managed,
    ) -> Result<Self, Status> {
        let mut changes = Self {
            own: Changed::between(writer.tracked(), old, new),
            others: Vec::new(),
        };
        for owned in managed.0.values() {
            let version = owned.api_version.as_str();
            if version == writer.api_version() || changes.others.iter().any(|(v, _)| v == version) {
                continue;
            }
            let both = [old, new].map(Cow::Borrowed);
            let [old, new] = writer.versions().convert_all(both, version).await?;
            let changed = Changed::between(writer.tracked_in(version), &old, &new);
            changes.others.push((version.to_owned(), changed));
        }
        Ok(changes)
    }

    /// The change in the version of a manager.
    pub(super) fn in_version(&self, api_version: &str) -> &Changed {
        let other = self.others.iter().find(|(v, _)| v == api_version);
        other.map_or(&self.own, |(_, changed)| changed)
    }
}
