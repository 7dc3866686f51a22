//! Tables: the columns of a kind and a row for each object, as kubectl prints them.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/handlers/response.go` and `k8s.io/kubernetes/pkg/printers`.

use jiff::Timestamp;
use portcullis_api::encode::{Label, Sink};
use portcullis_api::{FieldError, Path, Status};
use portcullis_storage::{Entry, Revision};
use serde_json::{Value, json};

use super::accept::MetaVersion;
use super::metadata::{ListMeta, write_metadata};
use portcullis_kinds::resource::Resource;
use portcullis_kinds::strategy::ColumnView;
use portcullis_registry::codec::Renderer;
use portcullis_registry::facts::Facts;

/// The part of its object that a row contains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IncludeObject {
    /// Its metadata.
    #[default]
    Metadata,
    /// All of it.
    Object,
    /// Nothing.
    None,
}

impl IncludeObject {
    /// Reads `?includeObject=`.
    ///
    /// # Errors
    /// 400, with upstream's text.
    pub fn parse(text: &str) -> Result<Self, Status> {
        match text {
            "" | "Metadata" => Ok(Self::Metadata),
            "Object" => Ok(Self::Object),
            "None" => Ok(Self::None),
            other => {
                let error = FieldError::invalid(
                    &Path::new("includeObject"),
                    other,
                    "must be 'Metadata', 'Object', 'None', or empty",
                );
                Err(Status::bad_request(format!(
                    "Unable to convert to Table as requested: {error}"
                )))
            }
        }
    }
}

/// How the rows of a Table are made.
pub struct Rows<'r> {
    /// The resource whose columns these are.
    pub resource: &'r Resource,
    /// The part of its object that a row contains.
    pub include: IncludeObject,
    /// For whole objects.
    pub renderer: Renderer<'r>,
    /// The version of the Table.
    pub version: MetaVersion,
}

impl Rows<'_> {
    /// Appends the beginning of a Table, which may describe its columns, up to its first row.
    pub fn write_head(&self, meta: &ListMeta, has_columns: bool, out: &mut impl Sink) {
        let head = format!(
            r#"{{"kind":"Table","apiVersion":"{}","metadata":"#,
            self.version.api_version()
        );
        out.put(head.as_bytes());
        meta.write(out);
        out.put(b",\"columnDefinitions\":");
        let columns = if has_columns {
            columns(self.resource, self.renderer.api_version())
        } else {
            Value::Null
        };
        out.put(columns.to_string().as_bytes());
        out.put(b",\"rows\":[");
    }

    /// Appends the row of an object, whose metadata `partial` labels.
    ///
    /// # Errors
    /// A 500 that names the key of an entry that cannot be read.
    pub fn write_row(
        &self,
        entry: &Entry,
        revision: Revision,
        now: Timestamp,
        partial: &Label,
        out: &mut impl Sink,
    ) -> Result<(), Status> {
        let row = Facts::row(self.resource, entry)?;
        out.put(b"{\"cells\":");
        row.write(now, out);
        match self.include {
            IncludeObject::None => out.put(b",\"object\":null"),
            IncludeObject::Metadata => {
                out.put(b",\"object\":");
                write_metadata(&self.renderer, partial, entry, revision, out)?;
            }
            IncludeObject::Object => {
                out.put(b",\"object\":");
                self.renderer.write_object(entry, revision, out)?;
            }
        }
        out.put(b"}");
        Ok(())
    }
}

fn columns(resource: &Resource, api_version: &str) -> Value {
    let column = |c: ColumnView<'_>| json!({"name": c.name, "type": c.kind, "format": c.format, "description": c.description, "priority": c.priority});
    let columns = resource.strategy.table_columns(api_version);
    columns.into_iter().map(column).collect()
}
