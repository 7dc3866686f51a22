//! Watch events as lines of JSON, encoded once for all watchers with the same format.

use bytes::Bytes;
use portcullis_api::Status;
use portcullis_storage::{Event, Frame, Revision};

use super::accept::{Encoding, Form, Format};
use super::object::Reader;
use portcullis_registry::watch::Change;

/// Writes the events of one watch.
pub struct Frames<'r> {
    /// The reader of the collection.
    pub reader: Reader<'r>,
    /// See [`Reader::is_shareable`].
    pub shareable: bool,
}

impl Reader<'_> {
    /// Whether it sees events as most others do: as JSON, in the version in which objects are stored.
    pub fn is_shareable(&self) -> bool {
        let plain = self.format
            == Format {
                form: Form::Object,
                encoding: Encoding::Json,
            };
        plain && self.api_version == self.resource.api_version()
    }
}

impl<'r> Frames<'r> {
    /// Whether the event of a change is made once for all watchers.
    pub fn are_shared(&self, change: &Change) -> bool {
        self.shareable && change.shared.as_deref().and_then(frame_of).is_some()
    }

    /// A change; an ERROR event if the object cannot be represented in this format.
    pub fn change(&self, change: &Change) -> Bytes {
        let encode = || {
            let event = self.event(change.kind.as_str(), |reader, out| {
                reader.write(&change.entry, change.revision, out)
            });
            event.unwrap_or_else(|status| self.error(&status))
        };
        match change.shared.as_deref().and_then(frame_of) {
            Some(frame) if self.shareable => frame.get_or_encode(encode),
            _ => encode(),
        }
    }

    fn event(
        &self,
        kind: &str,
        write: impl FnOnce(&Reader<'r>, &mut Vec<u8>) -> Result<(), Status>,
    ) -> Result<Bytes, Status> {
        let mut out = Vec::with_capacity(1024);
        out.extend_from_slice(b"{\"type\":\"");
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(b"\",\"object\":");
        write(&self.reader, &mut out)?;
        out.extend_from_slice(b"}\n");
        Ok(out.into())
    }

    /// A bookmark: nothing else has happened up to a revision; `initial_end` marks the end of the initial
    /// events.
    pub fn bookmark(&self, revision: Revision, initial_end: bool) -> Bytes {
        let annotations = if initial_end {
            r#","annotations":{"k8s.io/initial-events-end":"true"}"#
        } else {
            ""
        };
        let (kind, api_version) = match self.reader.format.form {
            Form::Object => (self.reader.resource.kind, self.reader.api_version),
            Form::Metadata(version) | Form::MetadataList(version) => {
                ("PartialObjectMetadata", version.api_version())
            }
            Form::Table(version) => ("Table", version.api_version()),
        };
        let metadata = format!(r#"{{"resourceVersion":"{revision}"{annotations}}}"#);
        let object =
            format!(r#"{{"kind":"{kind}","apiVersion":"{api_version}","metadata":{metadata}}}"#);
        format!("{{\"type\":\"BOOKMARK\",\"object\":{object}}}\n").into()
    }

    /// The error that ends the watch.
    pub fn error(&self, status: &Status) -> Bytes {
        let mut out = b"{\"type\":\"ERROR\",\"object\":".to_vec();
        out.extend_from_slice(&status.to_json());
        out.extend_from_slice(b"}\n");
        out.into()
    }
}

fn frame_of(event: &Event) -> Option<&Frame> {
    match event {
        Event::Put { frame, .. } | Event::Delete { frame, .. } => Some(frame),
        Event::Progress(_) => None,
    }
}
