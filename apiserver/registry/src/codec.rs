//! Conversion between the store's bytes and a kind's type.

use bytes::Bytes;
use portcullis_api::decode::{self, DecodeError, Source};
use portcullis_api::encode::{Label, Sink};
use portcullis_api::protobuf::Envelope;
use portcullis_api::status::Reason;
use portcullis_api::{Object, Status};
use portcullis_storage::Entry;
use serde_json::Value;

use portcullis_kinds::resource::Resource;

/// The prefix of protobuf values of kube-apiserver.
const PROTOBUF: &[u8] = b"k8s\0";

/// Reads an entry as JSON, with its resource version.
///
/// # Errors
/// A 500 that names the key, if the bytes are not JSON.
pub fn value(entry: &Entry) -> Result<Value, Status> {
    let mut value = document(entry)?;
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("resourceVersion".into(), entry.revision.to_string().into());
    }
    Ok(value)
}

/// Reads an entry as the JSON that is stored.
///
/// # Errors
/// As [`value`].
pub fn document(entry: &Entry) -> Result<Value, Status> {
    check_json(entry)?;
    let parsed = decode::parse_stored(&entry.value).map_err(|e| unreadable(entry, e))?;
    Ok(parsed.value)
}

fn check_json(entry: &Entry) -> Result<(), Status> {
    if !entry.value.starts_with(PROTOBUF) {
        return Ok(());
    }
    // the store returns protobuf values as JSON if it can convert them
    let read = Envelope::open(&entry.value).and_then(|envelope| envelope.to_value());
    let why = read.err().map(|why| why.to_string()).unwrap_or_default();
    Err(unreadable(entry, format!("protobuf: {why}")))
}

/// Reads an entry as its kind's type, with its resource version.
///
/// # Errors
/// As [`value`].
pub fn object(resource: &Resource, entry: &Entry) -> Result<Box<dyn Object>, Status> {
    if resource.strategy.custom().is_some() {
        return typed(resource, &value(entry)?).map_err(|e| unreadable(entry, e));
    }
    check_json(entry)?;
    let read = decode::parse_stored_document(&entry.value)
        .and_then(|document| built_in(resource, Source::from(&document)));
    let mut object = read.map_err(|e| unreadable(entry, e))?;
    object.metadata_mut().resource_version = Some(entry.revision.to_string());
    Ok(object)
}

/// JSON as a kind's type, with the API's defaults; unknown fields are dropped. A custom object is not
/// changed: [`Conversions`](crate::conversion::Conversions) apply its schema.
///
/// Another server may have stored the object in another version.
pub fn typed(resource: &Resource, value: &Value) -> Result<Box<dyn Object>, DecodeError> {
    if let Some(custom) = resource.strategy.custom() {
        let label = value.get("apiVersion").and_then(Value::as_str);
        return Ok(Box::new(
            custom.read(label.unwrap_or_default(), value.clone())?,
        ));
    }
    built_in(resource, value.into())
}

fn built_in(resource: &Resource, document: Source<'_>) -> Result<Box<dyn Object>, DecodeError> {
    let label = document.text("apiVersion").unwrap_or_default();
    let mut object = resource.decode(label, document)?.value;
    resource.strategy.default(object.as_mut());
    Ok(object)
}

/// All steps of a client's document in one version that need no store: decoded, defaulted, prepared,
/// validated, encoded. `None` if it is not of the kind.
///
/// For fuzzing: no document may cause a panic, and text and value agree.
pub fn round_trip(resource: &Resource, api_version: &str, document: &Value) -> Option<Bytes> {
    let mut object = resource.decode(api_version, document).ok()?.value;
    let strategy = &resource.strategy;
    strategy.default(object.as_mut());
    let old = object.clone();
    strategy.warnings(object.as_ref());
    strategy.prepare_for_create(object.as_mut());
    strategy.prepare_named(object.as_mut());
    strategy.validate(object.as_ref());
    strategy.validate_served(api_version, object.as_ref());
    strategy.prepare_for_update(object.as_mut(), old.as_ref());
    strategy.validate_update(object.as_ref(), old.as_ref());
    strategy.prepare_status_update(object.as_mut(), old.as_ref());
    strategy.validate_status_update(object.as_ref(), old.as_ref());
    strategy.cells(object.as_ref());
    strategy.field_values(object.as_ref());
    let stored = resource.api_version();
    let label = resource.type_meta(&stored);
    let read: Option<Value> = serde_json::from_slice(&object.encode(label)).ok();
    assert_eq!(Some(object.to_value(label)), read, "text and value differ");
    Some(encode(resource, old))
}

/// An object in a version, as JSON. A custom object must be in that version already.
pub fn served(resource: &Resource, api_version: &str, object: &dyn Object) -> Value {
    let type_meta = resource.type_meta(api_version);
    match resource.conversion(api_version) {
        Some(conversion) => (conversion.to_served)(object).to_value(type_meta),
        None => object.to_value(type_meta),
    }
}

/// A 500 that names the key of an unreadable entry.
pub(crate) fn unreadable(entry: &Entry, why: impl std::fmt::Display) -> Status {
    Status::internal(format!("cannot read {}: {why}", entry.key))
}

/// The largest object, in bytes: etcd's default limit (`--max-request-bytes`), so that both stores accept the
/// same.
const OBJECT_MAX: usize = 1_572_864;

/// Bytes, if every store accepts them.
///
/// # Errors
/// 413.
pub(crate) fn storable(bytes: Bytes) -> Result<Bytes, Status> {
    if bytes.len() <= OBJECT_MAX {
        return Ok(bytes);
    }
    let why = format!(
        "the object has {} bytes: the limit is {OBJECT_MAX}",
        bytes.len()
    );
    Err(Status::failure(Reason::RequestEntityTooLarge, why))
}

/// The bytes to store of an object of a built-in kind.
pub fn encode(resource: &Resource, object: Box<dyn Object>) -> Bytes {
    encode_as(resource, &resource.api_version(), object)
}

/// An object's bytes with the label of a version: without the resource version, which [`Renderer`] inserts when the
/// entry is sent.
pub(crate) fn encode_as(
    resource: &Resource,
    api_version: &str,
    mut object: Box<dyn Object>,
) -> Bytes {
    let metadata = object.metadata_mut();
    metadata.resource_version = None;
    metadata.self_link = None;
    let bytes = object.encode(resource.type_meta(api_version));
    // They are kept as long as the object exists, and up to half of the buffer may be unused. Shrinking it would not
    // help: the allocator leaves in its place what fills half of its block.
    match bytes.capacity() - bytes.len() > bytes.len() / 8 {
        true => Bytes::copy_from_slice(&bytes),
        false => bytes.into(),
    }
}

/// Writes entries of one resource, without decoding those that this server encoded. Entries of custom kinds
/// must be in the readers' version, as the registry's verbs return them.
pub struct Renderer<'r> {
    resource: &'r Resource,
    stored: Label,
    served: Label,
    api_version: String,
}

impl<'r> Renderer<'r> {
    /// A renderer for readers of `api_version`.
    pub fn new(resource: &'r Resource, api_version: &str) -> Self {
        let stored = match resource.strategy.custom() {
            Some(_) => api_version.to_owned(),
            None => resource.api_version(),
        };
        Self {
            stored: Label::new(resource.type_meta(&stored)),
            served: Label::new(resource.type_meta(api_version)),
            resource,
            api_version: api_version.to_owned(),
        }
    }

    /// Calls `write` with the bytes after the label.
    ///
    /// # Errors
    /// As [`value`], where the bytes must be decoded.
    pub fn with_rest<T>(&self, entry: &Entry, write: impl FnOnce(&[u8]) -> T) -> Result<T, Status> {
        if let Some(rest) = self.stored_rest(entry) {
            return Ok(write(rest));
        }
        let conversion = self.resource.conversion(&self.api_version);
        if self.resource.strategy.custom().is_some() {
            let why = format!("it is not of version {}", self.api_version);
            return Err(unreadable(entry, why));
        }
        // Another version is needed, or another server wrote the entry: in another version or order of
        // fields.
        let object = object(self.resource, entry)?;
        let (object, label) = match conversion {
            Some(conversion) => ((conversion.to_served)(object.as_ref()), &self.served),
            None => (object, &self.stored),
        };
        let api_version = match conversion {
            Some(_) => self.api_version.clone(),
            None => self.resource.api_version(),
        };
        self.with_encoded(&api_version, object, label, write)
    }

    /// What follows the label in an entry that can be written without being decoded.
    pub fn stored_rest<'e>(&self, entry: &'e Entry) -> Option<&'e [u8]> {
        match self.resource.conversion(&self.api_version) {
            None => self.stored.strip(&entry.value),
            Some(_) => None,
        }
    }

    fn with_encoded<T>(
        &self,
        api_version: &str,
        object: Box<dyn Object>,
        label: &Label,
        write: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, Status> {
        let bytes = encode_as(self.resource, api_version, object);
        let rest = label
            .strip(&bytes)
            .ok_or_else(|| Status::internal("an encoding without its label"))?;
        Ok(write(rest))
    }

    /// The version of the output.
    pub fn api_version(&self) -> &str {
        &self.api_version
    }

    /// Appends the object.
    ///
    /// # Errors
    /// As [`Renderer::with_rest`].
    pub fn write_object(
        &self,
        entry: &Entry,
        revision: u64,
        out: &mut impl Sink,
    ) -> Result<(), Status> {
        self.with_rest(entry, |rest| self.served.write_object(rest, revision, out))
    }

    /// Appends the object as an item of a list. Items of custom kinds contain kind and version, since Go has
    /// no type for them.
    ///
    /// # Errors
    /// As [`Renderer::with_rest`].
    pub fn write_item(&self, entry: &Entry, out: &mut impl Sink) -> Result<(), Status> {
        if self.resource.strategy.custom().is_some() {
            return self.write_object(entry, entry.revision, out);
        }
        self.with_rest(entry, |rest| {
            portcullis_api::encode::write_item(rest, entry.revision, out)
        })
    }
}

#[cfg(test)]
mod tests;
