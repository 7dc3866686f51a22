//! Objects in the version of their reader: those of custom kinds, by their current definition.
//!
//! An entry is not changed when its definition changes. Readers of a version get a view of it: an entry of
//! its own, pruned, defaulted and, if necessary, converted by a webhook. A view is made once for each version
//! and kept with the entry, so that reading a custom object costs no more than reading any other. Entries of
//! built-in kinds are their own views.
//!
//! Upstream: `k8s.io/apiextensions-apiserver/pkg/apiserver/conversion`.

mod failure;
mod maker;
mod views;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    WebhookClientConfig, WebhookConversion,
};
use portcullis_api::{CustomObject, Object, Status};
use portcullis_kinds::custom::CustomKind;
use portcullis_kinds::custom::review::{ConversionFault, Rejected, Review};
use portcullis_kinds::resource::Resource;
use portcullis_storage::{Entry, Revision};
use serde_json::Value;

pub use self::failure::Failure;
use self::maker::{Maker, Unreadable};
pub(crate) use self::views::Derived;
use crate::codec;

/// Calls conversion webhooks.
#[async_trait]
pub trait Converter: Send + Sync {
    /// Posts a review, and returns the body of the response.
    ///
    /// # Errors
    /// Why the call failed, with Go's text.
    async fn convert(&self, webhook: &WebhookClientConfig, review: Bytes) -> Result<Bytes, String>;

    /// Counts a conversion that has ended.
    fn count(&self, _ended: &Ended<'_>) {}
}

/// A conversion that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// The name of the definition.
    pub definition: &'a str,
    /// The `apiVersion` of the first object, and the requested one.
    pub versions: [&'a str; 2],
    /// How it failed, if it did.
    pub fault: Option<ConversionFault>,
    /// How long it took, from the request on.
    pub took: Duration,
}

/// A converter for servers without webhooks.
struct NoConverter;

#[async_trait]
impl Converter for NoConverter {
    async fn convert(&self, _: &WebhookClientConfig, _: Bytes) -> Result<Bytes, String> {
        Err("this server calls no webhooks".to_owned())
    }
}

/// Converts custom objects between the versions of their kind.
#[derive(Clone)]
pub struct Conversions(Arc<dyn Converter>);

impl Default for Conversions {
    /// Conversions without webhooks.
    fn default() -> Self {
        Self(Arc::new(NoConverter))
    }
}

impl Conversions {
    /// Conversions with webhooks.
    pub fn new(converter: Arc<dyn Converter>) -> Self {
        Self(converter)
    }

    /// An entry in the version of its reader; unchanged for the server itself, whose version is empty.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn view(
        &self,
        resource: &Resource,
        api_version: &str,
        entry: &Arc<Entry>,
    ) -> Result<Arc<Entry>, Failure> {
        let Some(kind) = resource
            .strategy
            .custom()
            .filter(|_| !api_version.is_empty())
        else {
            return Ok(entry.clone());
        };
        let view = Derived::of(entry).view(kind, api_version);
        if let Some(made) = view.get() {
            return Ok(made.clone());
        }
        let maker = Maker {
            conversions: self,
            resource,
            kind,
            api_version,
            unreadable: Unreadable::Fail,
        };
        // all watchers of an object need it at the same time: one converts for all
        view.get_or_make(maker.make_one(entry)).await
    }

    /// The views of many entries, with as few calls as possible.
    ///
    /// # Errors
    /// As [`Conversions::view`], for the first of them.
    pub async fn view_all(
        &self,
        resource: &Resource,
        api_version: &str,
        entries: Vec<Arc<Entry>>,
    ) -> Result<Vec<Arc<Entry>>, Failure> {
        self.views(resource, api_version, entries, Unreadable::Fail)
            .await
    }

    /// As [`Conversions::view_all`], without entries that cannot be read.
    ///
    /// # Errors
    /// [`Failure::Webhook`].
    pub(crate) async fn view_readable(
        &self,
        resource: &Resource,
        api_version: &str,
        entries: Vec<Arc<Entry>>,
    ) -> Result<Vec<Arc<Entry>>, Failure> {
        self.views(resource, api_version, entries, Unreadable::Skip)
            .await
    }

    async fn views(
        &self,
        resource: &Resource,
        api_version: &str,
        entries: Vec<Arc<Entry>>,
        unreadable: Unreadable,
    ) -> Result<Vec<Arc<Entry>>, Failure> {
        let Some(kind) = resource
            .strategy
            .custom()
            .filter(|_| !api_version.is_empty())
        else {
            return Ok(entries);
        };
        let mut views = Vec::with_capacity(entries.len());
        let mut missing = Vec::new();
        for (at, entry) in entries.iter().enumerate() {
            let view = Derived::of(entry).view(kind, api_version);
            let made = view.get().cloned();
            if made.is_none() {
                missing.push((at, entry, view));
            }
            views.push(made);
        }
        let maker = Maker {
            conversions: self,
            resource,
            kind,
            api_version,
            unreadable,
        };
        for (at, view) in maker.make_all(&missing).await? {
            views[at] = Some(view);
        }
        Ok(views.into_iter().flatten().collect())
    }

    /// The result of a write for its client. If it was written in the stored version, it is its own view.
    ///
    /// # Errors
    /// As [`Conversions::view`].
    pub(crate) async fn written(
        &self,
        resource: &Resource,
        api_version: &str,
        entry: Arc<Entry>,
    ) -> Result<Arc<Entry>, Failure> {
        if let Some(kind) = resource.strategy.custom()
            && api_version == kind.stored_version()
        {
            let view = Derived::of(&entry).view(kind, api_version);
            let copy = Entry::new(entry.key.clone(), entry.value.clone(), entry.revision);
            view.set(copy);
        }
        self.view(resource, api_version, &entry).await
    }

    /// The bytes to be stored for an object. One that the server itself writes keeps the version that it is stored
    /// in, so that controllers do not depend on webhooks.
    ///
    /// # Errors
    /// [`Failure::Webhook`].
    pub(crate) async fn encode(
        &self,
        resource: &Resource,
        api_version: &str,
        object: Box<dyn Object>,
    ) -> Result<Bytes, Failure> {
        let parts = (resource.strategy.custom(), object.as_kind::<CustomObject>());
        let (Some(kind), Some(custom)) = parts else {
            return Ok(codec::encode(resource, object));
        };
        let stored = match api_version {
            "" => custom.api_version.clone(),
            _ => kind.stored_version().to_owned(),
        };
        let converted = self.convert(kind, custom, &stored).await?;
        Ok(codec::encode_as(resource, &stored, Box::new(converted)))
    }

    /// An object in another version, pruned by that version's schema.
    ///
    /// # Errors
    /// [`Failure::Webhook`].
    pub(crate) async fn convert(
        &self,
        kind: &CustomKind,
        object: &CustomObject,
        api_version: &str,
    ) -> Result<CustomObject, Failure> {
        let mut object = object.clone();
        if kind.converter(&object.api_version, api_version).is_some() {
            let version = object.metadata.resource_version.take();
            let documents = vec![kind.document(&object)];
            let documents = self.documents(kind, api_version, documents).await?;
            let document = documents.into_iter().next().unwrap_or_default();
            let read = kind.read(api_version, document);
            object = read.map_err(|why| Failure::Webhook(Status::internal(why)))?;
            object.metadata.resource_version = version;
        }
        kind.relabel(&mut object, api_version);
        Ok(object)
    }

    /// Documents in a version; those that need a webhook are converted in one call.
    pub(crate) async fn documents(
        &self,
        kind: &CustomKind,
        api_version: &str,
        mut documents: Vec<Value>,
    ) -> Result<Vec<Value>, Failure> {
        let (mut places, mut objects, mut webhook) = (Vec::new(), Vec::new(), None);
        for (at, document) in documents.iter_mut().enumerate() {
            if let Some(converter) = kind.converter(version_of(document), api_version) {
                webhook = Some(converter);
                places.push(at);
                objects.push(document.take());
            }
        }
        if let Some(webhook) = webhook {
            let converted = self.call(kind, webhook, api_version, &objects).await?;
            for (at, document) in places.into_iter().zip(converted) {
                documents[at] = document;
            }
        }
        Ok(documents)
    }

    async fn call(
        &self,
        kind: &CustomKind,
        webhook: &WebhookConversion,
        api_version: &str,
        objects: &[Value],
    ) -> Result<Vec<Value>, Failure> {
        let uid = uuid::Uuid::new_v4().to_string();
        let failed = |why: String| Failure::Webhook(Status::unknown(why));
        let review = Review::new(webhook, &uid, api_version, objects).map_err(failed)?;
        let begun = Instant::now();
        let converted = self.ask(webhook, &review).await;
        self.0.count(&Ended {
            definition: kind.definition(),
            versions: [objects.first().map_or("", version_of), api_version],
            fault: converted.as_ref().err().map(|(fault, _)| *fault),
            took: begun.elapsed(),
        });
        converted.map_err(|(_, why)| failed(why))
    }

    async fn ask(
        &self,
        webhook: &WebhookConversion,
        review: &Review<'_>,
    ) -> Result<Vec<Value>, Rejected> {
        let unusable = |why: &str| {
            let why = review.error(&format!("failed: {why}"));
            (ConversionFault::Call, why)
        };
        let Some(client) = &webhook.client_config else {
            return Err(unusable("it has no client configuration"));
        };
        let answer = self.0.convert(client, review.body().into()).await;
        review.converted(&answer.map_err(|why| unusable(&why))?)
    }
}

fn version_of(document: &Value) -> &str {
    let version = document.get("apiVersion").and_then(Value::as_str);
    version.unwrap_or_default()
}

/// An object that is no longer in the store, for its client: in its own version.
pub(crate) fn unstored(
    resource: &Resource,
    key: &str,
    object: Box<dyn Object>,
    revision: Revision,
) -> Arc<Entry> {
    let version = object.as_kind::<CustomObject>();
    let version = version.map(|custom| custom.api_version.clone());
    let bytes = match version {
        Some(version) => codec::encode_as(resource, &version, object),
        None => codec::encode(resource, object),
    };
    Entry::new(key, bytes, revision)
}
