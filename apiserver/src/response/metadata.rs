//! The metadata of lists, and objects reduced to their metadata.

use portcullis_api::Status;
use portcullis_api::encode::{Label, Sink, TypeMeta, metadata_end};
use portcullis_storage::{Entry, Revision};
use serde_json::{Map, Value};

use super::accept::MetaVersion;
use portcullis_registry::codec::Renderer;

/// The metadata of a list.
#[derive(Clone, Debug, Default)]
pub struct ListMeta {
    /// The revision of the list; zero without one.
    pub revision: Revision,
    /// The token of the next page.
    pub continues: Option<String>,
    /// How many objects remain.
    pub remaining: Option<usize>,
}

impl ListMeta {
    /// Appends the metadata as a JSON object.
    pub fn write(&self, out: &mut impl Sink) {
        let mut meta = Map::new();
        if self.revision != 0 {
            meta.insert("resourceVersion".into(), self.revision.to_string().into());
        }
        if let Some(continues) = &self.continues {
            meta.insert("continue".into(), continues.as_str().into());
        }
        if let Some(remaining) = self.remaining {
            meta.insert("remainingItemCount".into(), remaining.into());
        }
        out.put(Value::Object(meta).to_string().as_bytes());
    }
}

/// How a `PartialObjectMetadata` begins.
pub fn partial_label(version: MetaVersion) -> Label {
    Label::new(TypeMeta {
        api_version: version.api_version(),
        kind: "PartialObjectMetadata",
    })
}

/// Appends an object's metadata as a `PartialObjectMetadata` that begins with `label`.
pub fn write_metadata(
    renderer: &Renderer<'_>,
    label: &Label,
    entry: &Entry,
    revision: Revision,
    out: &mut impl Sink,
) -> Result<(), Status> {
    let mut write = |rest: &[u8], end: usize| {
        label.write_object(rest.get(..end).unwrap_or(rest), revision, out);
        out.put(b"}");
    };
    let end = |rest: &[u8]| metadata_end(rest).unwrap_or(rest.len());
    if let Some(rest) = renderer.stored_rest(entry) {
        write(rest, entry.mark(|| end(rest)));
        return Ok(());
    }
    renderer.with_rest(entry, |rest| write(rest, end(rest)))
}
