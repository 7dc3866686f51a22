//! Objects in the format that the client accepts.

use bytes::Bytes;
use jiff::Timestamp;
use portcullis_api::Status;
use portcullis_api::field_error::go_quote;
use portcullis_api::status::Reason;
use portcullis_storage::{Entry, Revision};
use serde_json::Value;

use super::accept::{Encoding, Form, Format, MetaVersion};
use super::metadata::{ListMeta, partial_label, write_metadata};
use super::table::{IncludeObject, Rows};
use portcullis_kinds::resource::Resource;
use portcullis_kinds::shared::ResourceRef;
use portcullis_registry::codec::Renderer;

/// What a [`Reader`] borrows, for responses that outlast their call.
pub struct Shape {
    /// The resource.
    pub resource: ResourceRef,
    /// The version of the URL.
    pub api_version: String,
    /// The format.
    pub format: Format,
    /// The part of its object that a Table row contains.
    pub include: IncludeObject,
}

impl Shape {
    /// The reader of this response. With `has_columns`, a Table describes its columns.
    pub fn reader(&self, has_columns: bool) -> Reader<'_> {
        Reader {
            resource: &self.resource,
            api_version: &self.api_version,
            format: self.format,
            include: self.include,
            has_columns,
        }
    }
}

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
    /// Whether a Table describes its columns.
    pub has_columns: bool,
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
                let meta = ListMeta {
                    revision,
                    ..ListMeta::default()
                };
                let rows = self.rows(version);
                rows.write_head(&meta, self.has_columns, out);
                let label = partial_label(version);
                rows.write_row(entry, revision, Timestamp::now(), &label, out)?;
                out.extend_from_slice(b"]}");
                Ok(())
            }
        }
    }

    /// How rows of Tables are made.
    pub(super) fn rows(&self, version: MetaVersion) -> Rows<'r> {
        Rows {
            resource: self.resource,
            include: self.include,
            renderer: self.renderer(),
            version,
        }
    }

    /// The error for a form that is not that of the response (upstream:
    /// `k8s.io/apiserver/pkg/endpoints/handlers/response.go`, which names the Go type).
    pub(super) fn mismatch(&self, form: &str, actual: &str, kind: &str) -> Status {
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
