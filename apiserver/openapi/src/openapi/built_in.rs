//! The documents of the built-in kinds, made once, independently of definitions.

use std::collections::HashMap;
use std::sync::OnceLock;

use portcullis_api::GroupVersion;
use portcullis_kinds::shared::ResourceRef;

use super::definitions::{Definitions, SCALE, machinery};
use super::v2::{self, Seams};
use super::{PROTOBUF, proto, tagged, v3};
use crate::discovery::{Group, groups};
use crate::document::Document;
use crate::document::large::LargeDocument;

/// The schemas that documents of custom kinds refer to.
const SHARED: [&str; 5] = ["DeleteOptions", "ListMeta", "ObjectMeta", "Patch", "Status"];

/// The documents, each made on first request.
pub(super) struct BuiltIn {
    groups: Vec<Group>,
    /// The server's own version, as in `/version`.
    pub(super) version: String,
    v2: OnceLock<(Document, Seams)>,
    protobuf: OnceLock<Document>,
    v3: OnceLock<V3>,
}

/// The documents of version 3.
pub(super) struct V3 {
    /// By their paths below `/openapi/v3/`.
    pub(super) documents: HashMap<String, Document>,
    /// The schemas that custom kinds refer to, and all that these refer to.
    pub(super) shared: Definitions,
}

impl BuiltIn {
    pub(super) fn new(resources: &[ResourceRef], version: String) -> Self {
        let built_in = |row: &&ResourceRef| row.strategy.custom().is_none();
        let rows: Vec<_> = resources.iter().filter(built_in).cloned().collect();
        Self {
            groups: groups(&rows),
            version,
            v2: OnceLock::new(),
            protobuf: OnceLock::new(),
            v3: OnceLock::new(),
        }
    }

    /// Whether a built-in kind is in a version of a group.
    pub(super) fn serves(&self, group_version: GroupVersion<'_>) -> bool {
        let mut groups = self.groups.iter().filter(|g| g.name == group_version.group);
        groups.any(|group| {
            let mut versions = group.versions.iter();
            versions.any(|version| version.name == group_version.version)
        })
    }

    /// The document of version 2, and the positions for insertions.
    pub(super) fn v2(&self) -> &(Document, Seams) {
        self.v2.get_or_init(|| {
            let (text, seams) = v2::document(&self.groups, &self.version);
            (tagged(text), seams)
        })
    }

    /// The same in protobuf. It has the tag of the JSON, as upstream: the response has `Vary: Accept`.
    pub(super) fn protobuf(&self) -> &Document {
        self.protobuf.get_or_init(|| {
            let (json, _) = self.v2();
            // JSON that was written here can be parsed.
            let document = serde_json::from_slice(&json.body.open()).unwrap_or_default();
            let mut protobuf = LargeDocument::default();
            protobuf.push(proto::encode(&document));
            Document {
                etag: json.etag.clone(),
                ..protobuf.finish(PROTOBUF)
            }
        })
    }

    /// The documents of version 3.
    pub(super) fn v3(&self) -> &V3 {
        self.v3.get_or_init(|| {
            let mut definitions = Definitions::new(&self.groups);
            let documents = v3::documents(&definitions, &self.groups, &self.version);
            let documents = documents.into_iter();
            let documents = documents.map(|(name, text)| (name, tagged(text))).collect();
            let names = SHARED.map(machinery).into_iter();
            v3::retain(&mut definitions, names.chain([SCALE.to_owned()]));
            V3 {
                documents,
                shared: definitions,
            }
        })
    }
}
