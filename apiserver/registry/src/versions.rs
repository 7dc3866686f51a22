//! The versions of a request's resource, for webhooks and policies, by the row of its kind.

use std::fmt;

use async_trait::async_trait;
use portcullis_admission::Versions;
use portcullis_admission::versions::{ConversionError, Served};
use portcullis_api::encode::TypeMeta;
use portcullis_api::{CustomObject, GroupVersion, Object, Status, decode, type_metadata};
use portcullis_kinds::custom::CustomKind;
use portcullis_kinds::kinds::scale::{scale_of, set_replicas};
use serde_json::Value;

use crate::connection::ConnectOptions;
use crate::conversion::Conversions;
use crate::field_manager::managed::mistake;
use crate::field_manager::overlay::{overlay, overlay_kind};
use crate::scope::Scope;

/// The subresource whose objects are derived from those of the resource.
const SCALE: &str = "scale";

impl Scope<'_> {
    /// Puts back who owns the fields of an object if a webhook broke that (upstream:
    /// `managedFieldsValidatingAdmissionController`).
    fn keep_owners(&self, object: &mut dyn Object, before: &dyn Object) {
        let (now, before) = (object.metadata(), before.metadata());
        if now.managed_fields == before.managed_fields {
            return;
        }
        let mistake = mistake(now.managed_fields.as_deref().unwrap_or_default());
        if let Some(mistake) = mistake {
            let owners = before.managed_fields.clone();
            object.metadata_mut().managed_fields = owners;
            self.warn([format!(
                ".metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests: {mistake}"
            )]);
        }
    }
}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("resource", &self.resource.plural)
            .field("subresource", &self.subresource)
            .field("namespace", &self.namespace)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Versions for Scope<'_> {
    fn requested(&self) -> Served<'_> {
        self.served(self.requested_version())
    }

    fn others(&self) -> Vec<Served<'_>> {
        let resource = self.resource;
        let stored = GroupVersion {
            group: resource.group,
            version: resource.version,
        };
        let stored = resource.stored_is_served.then_some(stored);
        let also = resource.others();
        let also = also.map(|served| GroupVersion::parse(served.api_version));
        let requested = self.requested_version();
        let others = stored
            .into_iter()
            .chain(also)
            .filter(|version| *version != requested && self.offers(&version.to_string()));
        others.map(|version| self.served(version)).collect()
    }

    async fn encode(
        &self,
        object: &dyn Object,
        version: &Served<'_>,
    ) -> Result<Vec<u8>, ConversionError> {
        let api_version = version.kind_version.to_string();
        let type_meta = TypeMeta {
            api_version: &api_version,
            kind: version.kind,
        };
        if self.subresource == SCALE {
            let scale = scale_of(self.resource, object);
            let scale = scale.ok_or_else(|| ConversionError("it has no scale".into()))?;
            return Ok(Object::encode(&scale, type_meta));
        }
        if self.has_own_kind() {
            return Ok(object.encode(type_meta));
        }
        if let (Some(kind), Some(object)) = (self.resource.strategy.custom(), object.as_kind()) {
            let converted = self.converted(kind, object, &api_version).await?;
            return Ok(Object::encode(&converted, type_meta));
        }
        Ok(match self.resource.conversion(&api_version) {
            Some(conversion) => (conversion.to_served)(object).encode(type_meta),
            None => object.encode(type_meta),
        })
    }

    async fn decode(
        &self,
        document: &Value,
        version: &Served<'_>,
        base: &dyn Object,
    ) -> Result<Box<dyn Object>, ConversionError> {
        check_type(document, version)?;
        if self.subresource == SCALE {
            return self.rescaled(document, base);
        }
        if base.as_kind::<ConnectOptions>().is_some() {
            return Ok(Box::new(ConnectOptions::of(document)));
        }
        let unreadable = |error: decode::DecodeError| ConversionError(error.to_string());
        if let Some(body) = self.body {
            return Ok((body.decode)(document.into()).map_err(unreadable)?.value);
        }
        let api_version = version.kind_version.to_string();
        let decoded = self.resource.decode(&api_version, document);
        let mut object = decoded.map_err(unreadable)?.value;
        self.resource.strategy.default(object.as_mut());
        self.keep_owners(object.as_mut(), base);
        Ok(match (self.resource.strategy.custom(), object.as_kind()) {
            // the following steps use the version of the request
            (Some(kind), Some(object)) => {
                let requested = self.requested_version().to_string();
                Box::new(self.converted(kind, object, &requested).await?)
            }
            _ => object,
        })
    }

    fn overlay(
        &self,
        document: &Value,
        mut part: Value,
        version: &Served<'_>,
    ) -> Result<Value, ConversionError> {
        let api_version = version.kind_version.to_string();
        if let Some(fields) = part.as_object_mut() {
            fields.insert("apiVersion".to_owned(), api_version.as_str().into());
            fields.insert("kind".to_owned(), version.kind.into());
        }
        let own = self.resource.subresource(self.subresource);
        let laid = match own.filter(|_| self.has_own_kind()) {
            Some(own) => {
                let name = type_metadata::type_name(&api_version, own.kind);
                overlay_kind(name, document, &part)
            }
            None => overlay(self.resource, &api_version, document, &part),
        };
        laid.map_err(ConversionError)
    }
}

impl<'a> Scope<'a> {
    /// A custom object in another version.
    async fn converted(
        &self,
        kind: &CustomKind,
        object: &CustomObject,
        api_version: &str,
    ) -> Result<CustomObject, ConversionError> {
        let converted = match self.conversions {
            Some(conversions) => conversions.convert(kind, object, api_version).await,
            None => {
                Conversions::default()
                    .convert(kind, object, api_version)
                    .await
            }
        };
        converted.map_err(|failure| ConversionError(Status::from(failure).message))
    }

    fn requested_version(&self) -> GroupVersion<'_> {
        match self.api_version {
            "" => GroupVersion {
                group: self.resource.group,
                version: self.resource.version,
            },
            api_version => GroupVersion::parse(api_version),
        }
    }

    fn served<'s>(&self, group_version: GroupVersion<'s>) -> Served<'s>
    where
        'a: 's,
    {
        let subresource = self.resource.subresource(self.subresource);
        let own = subresource.and_then(|s| s.group_version);
        Served {
            group_version,
            resource: self.resource.plural,
            kind_version: own.map_or(group_version, GroupVersion::parse),
            kind: subresource.map_or(self.resource.kind, |s| s.kind),
        }
    }

    /// Whether a version has the subresource of the request.
    fn offers(&self, api_version: &str) -> bool {
        let custom = self.resource.strategy.custom();
        self.subresource.is_empty()
            || custom.is_none_or(|custom| custom.offers(api_version, self.subresource))
    }

    /// Whether the requests' objects have another kind than the resource.
    fn has_own_kind(&self) -> bool {
        let subresource = self.resource.subresource(self.subresource);
        subresource.is_some_and(|s| s.group_version.is_some() || s.kind != self.resource.kind)
    }

    /// The object behind a scale, with the replicas of a changed scale.
    fn rescaled(
        &self,
        scale: &Value,
        base: &dyn Object,
    ) -> Result<Box<dyn Object>, ConversionError> {
        let mut object = base.boxed_clone();
        let wanted = match scale.pointer("/spec/replicas") {
            None | Some(Value::Null) => Some(0),
            Some(wanted) => wanted.as_i64().and_then(|n| n.try_into().ok()),
        };
        let wanted = wanted.ok_or_else(|| {
            ConversionError("spec.replicas of the scale is not a 32-bit integer".into())
        })?;
        set_replicas(self.resource, object.as_mut(), wanted);
        Ok(object)
    }
}

/// A document must have the right version and kind.
fn check_type(document: &Value, version: &Served<'_>) -> Result<(), ConversionError> {
    let text = |field| document.get(field).and_then(Value::as_str);
    let api_version = text("apiVersion").unwrap_or_default();
    let kind = text("kind").unwrap_or_default();
    if (kind, api_version) == (version.kind, &version.kind_version.to_string()) {
        return Ok(());
    }
    Err(ConversionError(format!(
        "no kind {kind:?} is registered for version {api_version:?} in scheme \"k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30\""
    )))
}
