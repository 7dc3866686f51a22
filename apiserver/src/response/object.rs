//! Objects and lists in the format that the client accepts.

use bytes::Bytes;
use portcullis_api::Status;
use portcullis_api::field_error::go_quote;
use portcullis_api::status::Reason;
use portcullis_storage::{Entry, Revision};
use serde_json::Value;

use super::accept::{Encoding, Form, Format};
use super::metadata::{ListMeta, partial_label, write_metadata};
use super::table::{IncludeObject, Rows};
use portcullis_kinds::resource::Resource;
use portcullis_registry::codec::Renderer;
use portcullis_registry::collection::List;

/// The format of a response, and the resource in it.
pub struct Reader<'r> {
    /// The resource.
    pub resource: &'r Resource,
    /// The version of the URL.
    pub api_version: &'r str,
    /// The format.
    pub format: Format,
    /// The part of its object that a Table row contains.
    pub include: IncludeObject,
}

impl<'r> Reader<'r> {
    /// The resource in the version of the URL.
    pub fn renderer(&self) -> Renderer<'r> {
        Renderer::new(self.resource, self.api_version)
    }

    /// One object. `revision` is that of the entry, or zero for an object that is not stored.
    ///
    /// # Errors
    /// 406 if the client accepts only a list; a 500 that names the key, if the entry cannot be read.
    pub fn object(&self, entry: &Entry) -> Result<Bytes, Status> {
        if let Form::MetadataList(_) = self.format.form {
            let kind = self.resource.kind;
            return Err(self.mismatch("PartialObjectMetadataList", "not a list", kind));
        }
        let mut out = Vec::with_capacity(entry.value.len() + 64);
        self.write(entry, entry.revision, &mut out)?;
        encode(out, self.format.encoding)
    }

    /// Appends one object as JSON, with a revision that may differ from the entry's.
    ///
    /// # Errors
    /// As [`Reader::object`].
    pub fn write(
        &self,
        entry: &Entry,
        revision: Revision,
        out: &mut Vec<u8>,
    ) -> Result<(), Status> {
        let renderer = self.renderer();
        match self.format.form {
            Form::Object => renderer.write_object(entry, revision, out),
            Form::Metadata(version) | Form::MetadataList(version) => {
                write_metadata(&renderer, &partial_label(version), entry, revision, out)
            }
            Form::Table(version) => {
                let rows = Rows {
                    resource: self.resource,
                    include: self.include,
                    renderer,
                    version,
                };
                let list = ListMeta {
                    revision,
                    ..ListMeta::default()
                };
                rows.write_table(std::iter::once((entry, revision)), &list, true, out)
            }
        }
    }

    /// A collection.
    ///
    /// # Errors
    /// 406 if the client accepts only an object, and as [`Reader::object`].
    pub fn list(&self, list: &List) -> Result<Bytes, Status> {
        let size: usize = list.entries.iter().map(|e| e.value.len() + 32).sum();
        let mut out = Vec::with_capacity(size + 256);
        let meta = ListMeta {
            revision: list.revision,
            continues: self.continues(list),
            remaining: list.remaining,
        };
        let renderer = self.renderer();
        match self.format.form {
            Form::Object => {
                let kind = self.resource.list_kind();
                write_list_head(&kind, self.api_version, &meta, &mut out);
                write_items(&list.entries, &mut out, |entry, out| {
                    renderer.write_item(entry, out)
                })?;
            }
            Form::Metadata(_) => {
                let kind = self.resource.list_kind();
                return Err(self.mismatch("PartialObjectMetadata", "a list", &kind));
            }
            Form::MetadataList(version) => {
                write_list_head(
                    "PartialObjectMetadataList",
                    version.api_version(),
                    &meta,
                    &mut out,
                );
                let label = partial_label(version);
                write_items(&list.entries, &mut out, |entry, out| {
                    write_metadata(&renderer, &label, entry, entry.revision, out)
                })?;
            }
            Form::Table(version) => {
                let rows = Rows {
                    resource: self.resource,
                    include: self.include,
                    renderer,
                    version,
                };
                let entries = list.entries.iter().map(|e| (e.as_ref(), e.revision));
                rows.write_table(entries, &meta, true, &mut out)?;
            }
        }
        encode(out, self.format.encoding)
    }
}

impl Reader<'_> {
    /// The error for a form that is not that of the response (upstream:
    /// `k8s.io/apiserver/pkg/endpoints/handlers/response.go`, which names the Go type).
    fn mismatch(&self, form: &str, actual: &str, kind: &str) -> Status {
        let group = self.resource.group.split('.').next().unwrap_or_default();
        let package = match group {
            _ if self.resource.strategy.custom().is_some() => "unstructured",
            "" | "events" => "core",
            group => group,
        };
        let why = format!(
            "you requested {form}, but the requested object is {actual} (*{package}.{kind})"
        );
        Status::failure(Reason::NotAcceptable, why)
    }

    /// The token of the next page. Lists of custom objects contain an empty one as well: Go's type for them
    /// omits nothing.
    fn continues(&self, list: &List) -> Option<String> {
        let next = list.continues.as_ref().map(ToString::to_string);
        let is_custom = self.resource.strategy.custom().is_some();
        next.or_else(|| (is_custom && self.format.form == Form::Object).then(String::new))
    }
}

/// Appends the beginning of a list, up to its items.
fn write_list_head(kind: &str, api_version: &str, meta: &ListMeta, out: &mut Vec<u8>) {
    out.extend_from_slice(
        format!("{{\"kind\":\"{kind}\",\"apiVersion\":\"{api_version}\",\"metadata\":").as_bytes(),
    );
    meta.write(out);
    out.extend_from_slice(b",\"items\":");
}

/// Appends items and the end of their list.
fn write_items(
    entries: &[std::sync::Arc<Entry>],
    out: &mut Vec<u8>,
    mut write: impl FnMut(&Entry, &mut Vec<u8>) -> Result<(), Status>,
) -> Result<(), Status> {
    out.push(b'[');
    for (at, entry) in entries.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(entry, out)?;
    }
    out.extend_from_slice(b"]}");
    Ok(())
}

/// JSON in the requested encoding, with the newline at the end that upstream's encoders write.
///
/// # Errors
/// A 500 if the JSON cannot be parsed, which would be a bug.
pub fn encode(mut json: Vec<u8>, encoding: Encoding) -> Result<Bytes, Status> {
    let value = || serde_json::from_slice::<Value>(&json).map_err(Status::internal);
    match encoding {
        Encoding::Json => {
            json.push(b'\n');
            Ok(json.into())
        }
        Encoding::Yaml => {
            let yaml = serde_saphyr::to_string(&value()?).map_err(|e| {
                Status::internal(format!("cannot write YAML: {}", go_quote(&e.to_string())))
            })?;
            Ok(yaml.into_bytes().into())
        }
    }
}
