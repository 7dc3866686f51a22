//! Objects in the versions of their resource.
//!
//! Upstream: `k8s.io/apimachinery/pkg/util/managedfields/internal/versionconverter.go`.

use std::borrow::Cow;

use portcullis_api::Status;
use portcullis_kinds::custom::CustomKind;
use portcullis_kinds::resource::Resource;
use serde_json::Value;

use super::tracked::Tracked;
use crate::codec;
use crate::conversion::Conversions;

/// The versions of a resource, or of a subresource of it.
#[derive(Clone, Copy)]
pub(super) struct Versions<'a> {
    pub(super) resource: &'a Resource,
    pub(super) subresource: &'a str,
    /// Calls the webhooks of custom kinds; without it their conversion fails.
    pub(super) conversions: Option<&'a Conversions>,
}

impl<'a> Versions<'a> {
    /// The fields that can have owners in a version.
    pub(super) fn tracked(self, api_version: &str) -> Tracked<'a> {
        Tracked::new(self.resource, api_version, self.subresource)
    }

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
    pub(super) async fn convert_all<'v, const N: usize>(
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
                let decoded = self.resource.decode(&from, &**object);
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
        let filled = objects.each_ref().map(|object| !is_empty(object));
        let taken = objects.iter_mut().zip(filled).filter(|(_, filled)| *filled);
        let documents = taken.map(|(object, _)| std::mem::take(object.to_mut()));
        let documents = documents.collect();
        let converted = conversions.documents(kind, api_version, documents).await?;
        let mut converted = converted.into_iter();
        for (object, filled) in objects.iter_mut().zip(filled) {
            let document = object.to_mut();
            if filled {
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
