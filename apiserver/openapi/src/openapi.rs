//! What objects look like, told to clients: OpenAPI v2 (as JSON, and as the protobuf that older
//! kubectl insist on) and v3 (a document for each version of a group, found through an index).
//!
//! The documents are made from the types' schemas, the kind table and the facts when somebody first
//! asks for one; after that only their bytes are kept. Upstream: `k8s.io/kube-openapi`.

mod definitions;
mod normalize;
mod operation_id;
mod parameters;
mod paths;
mod proto;
mod text;
mod v2;
mod v3;

use std::collections::HashMap;
use std::sync::OnceLock;

use bytes::Bytes;
use serde_json::json;

use super::discovery::{Group, groups};
use super::document::{Accepted, Document, JSON};
use portcullis_kinds::shared::ResourceRef;

const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
/// The name kubectl asks by, which is no valid media type.
const PROTOBUF_OLD: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
const INDEX: &str = "/openapi/v3";

/// The media types of answers.
const ANSWERS: [&str; 2] = ["application/json", "application/yaml"];

/// The media types of request bodies.
fn body_types(method: &str) -> &'static [&'static str] {
    match method {
        "patch" => &[
            "application/apply-patch+yaml",
            "application/json-patch+json",
            "application/merge-patch+json",
            "application/strategic-merge-patch+json",
        ],
        _ => &["*/*"],
    }
}

/// What a request for a path below `/openapi` comes to.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The document.
    Document(Document),
    /// 301: what the hash in the query names is no more; this is where its successor is.
    Moved(String),
    /// 406: the document is not to be had in any form the request accepts.
    NotAcceptable,
}

/// The documents, made when they are first asked for.
pub struct OpenApi {
    groups: Vec<Group>,
    version: String,
    v2: OnceLock<V2>,
    v3: OnceLock<V3>,
}

struct V2 {
    json: Document,
    protobuf: OnceLock<Document>,
}

struct V3 {
    index: Document,
    documents: HashMap<String, Document>,
}

impl OpenApi {
    /// The documents of these resources; `version` is the server's own, as in `/version`.
    pub fn new(resources: &[ResourceRef], version: impl Into<String>) -> Self {
        Self {
            groups: groups(resources),
            version: version.into(),
            v2: OnceLock::new(),
            v3: OnceLock::new(),
        }
    }

    /// What to answer to a GET of a path, given its `Accept` header and query; `None` is 404.
    ///
    /// The first request for a version makes its documents, which takes some tens of milliseconds.
    pub fn document(&self, path: &str, accept: &str, query: &str) -> Option<Answer> {
        let path = path.strip_suffix('/').unwrap_or(path);
        let accept = if accept.is_empty() { "*/*" } else { accept };
        match path.strip_prefix(INDEX) {
            None if path == "/openapi/v2" => Some(self.v2(accept)),
            None => None,
            Some("") => Some(Answer::Document(self.v3().index.clone())),
            Some(below) => self.group_version(below.strip_prefix('/')?, accept, query),
        }
    }

    fn v2(&self, accept: &str) -> Answer {
        let documents = self.v2.get_or_init(|| V2::new(&self.groups, &self.version));
        Accepted::parse(accept)
            .iter()
            .find_map(|accepted| {
                if accepted.matches(JSON) {
                    Some(&documents.json)
                } else if accepted.matches(PROTOBUF) || accepted.matches(PROTOBUF_OLD) {
                    Some(documents.protobuf())
                } else {
                    None
                }
            })
            .map_or(Answer::NotAcceptable, |d| Answer::Document(d.clone()))
    }

    fn v3(&self) -> &V3 {
        self.v3.get_or_init(|| V3::new(&self.groups, &self.version))
    }

    fn group_version(&self, name: &str, accept: &str, query: &str) -> Option<Answer> {
        let document = self.v3().documents.get(name)?;
        if !Accepted::parse(accept).iter().any(|a| a.matches(JSON)) {
            return Some(Answer::NotAcceptable);
        }
        let mut document = document.clone();
        let asked_for = query.split('&').find_map(|pair| pair.strip_prefix("hash="));
        if let Some(asked_for) = asked_for.filter(|hash| !hash.is_empty()) {
            let current = url(name, &document);
            if !current.ends_with(&format!("?hash={asked_for}")) {
                return Some(Answer::Moved(current));
            }
            document.cache_control = "public, immutable";
        }
        Some(Answer::Document(document))
    }
}

/// Where a document is while it stays what it is.
fn url(name: &str, document: &Document) -> String {
    let etag = document.etag.as_deref().unwrap_or_default();
    format!("{INDEX}/{name}?hash={}", etag.trim_matches('"'))
}

impl V2 {
    fn new(groups: &[Group], version: &str) -> Self {
        Self {
            json: tagged(v2::document(groups, version)),
            protobuf: OnceLock::new(),
        }
    }

    /// The same in protobuf. It has the tag of the JSON, as upstream: the request says `Vary: Accept`.
    fn protobuf(&self) -> &Document {
        self.protobuf.get_or_init(|| {
            // What was written as JSON reads as JSON.
            let document = serde_json::from_slice(&self.json.body).unwrap_or_default();
            Document {
                content_type: PROTOBUF,
                body: Bytes::from(proto::encode(&document)),
                ..self.json.clone()
            }
        })
    }
}

impl V3 {
    fn new(groups: &[Group], version: &str) -> Self {
        let documents: HashMap<_, _> = v3::documents(groups, version)
            .into_iter()
            .map(|(name, document)| (name, tagged(document)))
            .collect();
        let paths: serde_json::Map<_, _> = documents
            .iter()
            .map(|(name, document)| {
                let url = url(name, document);
                (name.clone(), json!({"serverRelativeURL": url}))
            })
            .collect();
        Self {
            index: tagged(json!({ "paths": paths }).to_string()),
            documents,
        }
    }
}

/// A document to be asked for by its hash, and not cached without asking.
fn tagged(mut document: String) -> Document {
    document.shrink_to_fit();
    let mut tagged = Document::tagged(JSON, Bytes::from(document));
    tagged.cache_control = "";
    tagged
}

#[cfg(test)]
mod tests;
