//! The published documents of custom kinds.
//!
//! Upstream: `k8s.io/apiextensions-apiserver/pkg/controller/openapi` and `openapiv3`.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use portcullis_api::GroupVersion;
use portcullis_kinds::resource::Resource;
use portcullis_kinds::shared::ResourceRef;
use portcullis_schema::openapi::{Form, list_schema, model_name, object_schema};
use ring::digest;
use serde_json::Value;

use super::definitions::{Definitions, Kinds, SCALE, machinery};
use super::paths::{Path, paths};
use super::{following, protobuf_part, tagged, v2, v3};
use crate::discovery::groups;
use crate::document::large::Part;
use crate::document::{Document, tag};

/// Every version of a group that definitions add, by the path of its document below `/openapi/v3/`.
pub(super) type Customs = BTreeMap<String, Arc<Custom>>;

/// The kinds of definitions in a version of a group.
pub(super) struct Custom {
    group_version: GroupVersion<'static>,
    rows: Vec<ResourceRef>,
    tag: OnceLock<String>,
    v3: OnceLock<Document>,
    v2: OnceLock<[Part; 2]>,
    protobuf: OnceLock<Part>,
}

/// The versions of the rows. If the rows have not changed, the earlier documents are kept.
///
/// Kinds that definitions add to a version of a built-in group are served but not published, as in upstream's
/// discovery.
pub(super) fn customs(
    resources: &[ResourceRef],
    earlier: &Customs,
    is_built_in: impl Fn(GroupVersion<'_>) -> bool,
) -> Customs {
    let is_custom = |row: &&ResourceRef| row.strategy.custom().is_some();
    let rows: Vec<_> = resources.iter().filter(is_custom).cloned().collect();
    let mut customs = Customs::new();
    for group in groups(&rows) {
        for version in group.versions {
            let group_version = GroupVersion {
                group: group.name,
                version: version.name,
            };
            if is_built_in(group_version) {
                continue;
            }
            let path = format!("apis/{group_version}");
            let known = earlier.get(&path);
            let known = known.filter(|known| known.has(&version.resources));
            let custom = known.cloned().unwrap_or_else(|| {
                Arc::new(Custom {
                    group_version,
                    rows: version.resources,
                    tag: OnceLock::new(),
                    v3: OnceLock::new(),
                    v2: OnceLock::new(),
                    protobuf: OnceLock::new(),
                })
            });
            customs.insert(path, custom);
        }
    }
    customs
}

impl Custom {
    fn has(&self, rows: &[ResourceRef]) -> bool {
        let mut pairs = self.rows.iter().zip(rows);
        self.rows.len() == rows.len() && pairs.all(|(known, row)| known.is(row))
    }

    /// Identifies the document of this version of the group, without making it: by all that it is made of.
    pub(super) fn tag(&self, version: &str) -> &str {
        self.tag.get_or_init(|| {
            let mut hash = digest::Context::new(&digest::SHA256);
            hash.update(format!("{version} {}", self.group_version).as_bytes());
            for kind in self.rows.iter().filter_map(|row| row.strategy.custom()) {
                hash.update(&kind.packed_spec().len().to_le_bytes());
                hash.update(kind.packed_spec());
            }
            tag(hash.finish().as_ref())
        })
    }

    /// Further paths and definitions of the document of version 2, made once.
    pub(super) fn v2(&self) -> &[Part; 2] {
        self.v2.get_or_init(|| {
            let definitions = v2::definitions_of(self.schemas(Form::V2));
            [v2::paths_of(self.paths()), definitions].map(|members| Part::new(following(members)))
        })
    }

    /// The same in protobuf.
    pub(super) fn protobuf(&self) -> &Part {
        self.protobuf.get_or_init(|| {
            let definitions = v2::definitions_of(self.schemas(Form::V2));
            Part::new(protobuf_part(&v2::paths_of(self.paths()), &definitions))
        })
    }

    /// The operations of the kinds.
    fn paths(&self) -> Vec<Path> {
        let api_version = self.group_version.to_string();
        let mut kinds = Kinds::default();
        for row in &self.rows {
            kinds.add(&api_version, row.kind, self.model(row.kind));
        }
        kinds.add("autoscaling/v1", "Scale", SCALE.to_owned());
        paths(&kinds, self.group_version, &self.rows)
    }

    /// The definitions of the kinds and of their lists.
    pub(super) fn schemas(&self, form: Form) -> impl Iterator<Item = (String, Value)> {
        let rows = self.rows.iter();
        rows.filter_map(move |row| self.schemas_of(row, form))
            .flatten()
    }

    /// The document of this version of the group, made once.
    pub(super) fn v3(&self, shared: &Definitions, version: &str) -> &Document {
        self.v3.get_or_init(|| {
            let paths = self.paths();
            let metadata = ["ListMeta", "ObjectMeta"].map(machinery);
            let mut schemas = v3::schemas(shared, metadata, &paths);
            schemas.extend(self.schemas(Form::V3));
            Document {
                etag: Some(self.tag(version).to_owned()),
                ..tagged(v3::document(&paths, &schemas, version))
            }
        })
    }

    /// The document, if it has been requested.
    #[cfg(test)]
    pub(super) fn made(&self) -> Option<&Document> {
        self.v3.get()
    }

    /// The schemas of a kind, and of its lists; `None` if it has no schema.
    fn schemas_of(&self, row: &Resource, form: Form) -> Option<[(String, Value); 2]> {
        let (spec, version) = (row.strategy.custom()?.spec(), self.group_version.version);
        let object = object_schema(&spec, version, form)?;
        let list = list_schema(&spec, version, form)?;
        Some([
            (self.model(row.kind), object),
            (self.model(&row.list_kind()), list),
        ])
    }

    fn model(&self, kind: &str) -> String {
        let GroupVersion { group, version } = self.group_version;
        model_name(group, version, kind)
    }
}
