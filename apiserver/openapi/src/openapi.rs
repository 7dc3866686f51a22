//! The schemas of objects for clients: OpenAPI v2 (as JSON, and as the protobuf that older kubectl insist on)
//! and v3 (a document for each version of a group, found through an index).
//!
//! Each document is made on the first request for it, from the types' schemas, the kind table, the type metadata and the
//! definitions of custom kinds; after that only their bytes are kept. When definitions change, the parts that
//! do not depend on them are kept as well: only the changed versions of groups are made again. Upstream: `k8s.io/kube-openapi`.

mod built_in;
mod custom;
mod definitions;
mod normalize;
mod operation_id;
mod parameters;
mod paths;
mod proto;
mod remote;
mod text;
mod v2;
mod v3;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use portcullis_schema::openapi::Form;
use serde_json::{Value, json};

use self::built_in::BuiltIn;
use self::custom::{Customs, customs};
use self::remote::Members;
pub use self::remote::{RemoteSpec, RemoteSpecs, RemoteV2, v3_document};
use super::document::large::LargeDocument;
use super::document::{Accepted, Document, JSON};
use portcullis_kinds::shared::ResourceRef;

const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
/// kubectl's name for it, which is not a valid media type.
const PROTOBUF_OLD: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
const INDEX: &str = "/openapi/v3";

/// The media types of responses.
const ANSWERS: [&str; 2] = ["application/json", "application/yaml"];

/// The response for a path below `/openapi`.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The document.
    Document(Document),
    /// 301: the hash in the query is outdated; this is the path of the current document.
    Moved(String),
    /// 406: the request accepts no available form.
    NotAcceptable,
}

/// The documents, made on first request.
pub struct OpenApi {
    built_in: Arc<BuiltIn>,
    custom: Customs,
    remote: Arc<RemoteSpecs>,
    v2: OnceLock<Document>,
    protobuf: OnceLock<Document>,
    index: OnceLock<Document>,
}

impl OpenApi {
    /// The documents of these resources; `version` is the server's own, as in `/version`.
    pub fn new(resources: &[ResourceRef], version: impl Into<String>) -> Self {
        let built_in = Arc::new(BuiltIn::new(resources, version.into()));
        Self::of(built_in, &Customs::new(), resources, Arc::default())
    }

    /// The documents once the definitions are others, or what other servers say: those of built-in
    /// kinds, and of custom kinds whose rows are the same, are kept.
    #[must_use]
    pub fn with(&self, resources: &[ResourceRef], remote: Arc<RemoteSpecs>) -> Self {
        Self::of(self.built_in.clone(), &self.custom, resources, remote)
    }

    fn of(
        built_in: Arc<BuiltIn>,
        earlier: &Customs,
        resources: &[ResourceRef],
        remote: Arc<RemoteSpecs>,
    ) -> Self {
        Self {
            remote,
            custom: customs(resources, earlier, |version| built_in.serves(version)),
            built_in,
            v2: OnceLock::new(),
            protobuf: OnceLock::new(),
            index: OnceLock::new(),
        }
    }

    /// The response to a GET of a path, given its `Accept` header and query; `None` is 404.
    ///
    /// The first request for a version makes its documents, which takes some tens of milliseconds.
    pub fn document(&self, path: &str, accept: &str, query: &str) -> Option<Answer> {
        let path = path.strip_suffix('/').unwrap_or(path);
        let accept = if accept.is_empty() { "*/*" } else { accept };
        match path.strip_prefix(INDEX) {
            None if path == "/openapi/v2" => Some(self.v2(accept)),
            None => None,
            Some("") => Some(Answer::Document(self.index().clone())),
            Some(below) => self.group_version(below.strip_prefix('/')?, accept, query),
        }
    }

    fn v2(&self, accept: &str) -> Answer {
        Accepted::parse(accept)
            .iter()
            .find_map(|accepted| {
                if accepted.matches(JSON) {
                    Some(self.v2_json())
                } else if accepted.matches(PROTOBUF) || accepted.matches(PROTOBUF_OLD) {
                    Some(self.v2_protobuf())
                } else {
                    None
                }
            })
            .map_or(Answer::NotAcceptable, |d| Answer::Document(d.clone()))
    }

    fn v2_json(&self) -> &Document {
        self.v2.get_or_init(|| {
            let (document, seams) = self.built_in.v2();
            if self.custom.is_empty() && self.remote.is_empty() {
                return document.clone();
            }
            let remote = self.remote_members();
            // piece by piece: all of it is large where there are many definitions
            let built_in = document.body.open();
            let [start, middle, end] = seams.split(&built_in);
            let mut whole = LargeDocument::default();
            whole.push(start);
            let parts: Vec<_> = self.custom.values().map(|custom| custom.v2()).collect();
            for [paths, _] in &parts {
                whole.append(paths);
            }
            whole.push(following(remote.paths));
            whole.push(middle);
            for [_, definitions] in &parts {
                whole.append(definitions);
            }
            whole.push(following(remote.definitions));
            whole.push(end);
            whole.finish(JSON)
        })
    }

    /// The same in protobuf, where two concatenated messages are merged into one.
    fn v2_protobuf(&self) -> &Document {
        self.protobuf.get_or_init(|| {
            let document = self.built_in.protobuf();
            if self.custom.is_empty() && self.remote.is_empty() {
                return document.clone();
            }
            let mut whole = LargeDocument::default();
            whole.push(document.body.open());
            for custom in self.custom.values() {
                whole.append(custom.protobuf());
            }
            let Members { paths, definitions } = self.remote_members();
            whole.push(protobuf_part(&paths, &definitions));
            Document {
                etag: self.v2_json().etag.clone(),
                ..whole.finish(PROTOBUF)
            }
        })
    }

    /// What other servers add to the document of version 2.
    fn remote_members(&self) -> Members {
        if self.remote.is_empty() {
            return Members::default();
        }
        let (document, _) = self.built_in.v2();
        // what was written as JSON reads as JSON
        let mut document: Value = serde_json::from_slice(&document.body.open()).unwrap_or_default();
        let mut known: HashMap<_, _> = match document["definitions"].take() {
            Value::Object(definitions) => definitions.into_iter().collect(),
            _ => HashMap::new(),
        };
        for custom in self.custom.values() {
            known.extend(custom.schemas(Form::V2));
        }
        remote::members(&self.remote, known)
    }

    /// Where the documents of version 3 are.
    fn index(&self) -> &Document {
        self.index.get_or_init(|| {
            let built_in = &self.built_in.v3().documents;
            let remote = self.remote.iter().filter(|(_, spec)| spec.v3.is_some());
            let names = built_in.keys().chain(self.custom.keys());
            let names = names.chain(remote.map(|(name, _)| name));
            let paths: serde_json::Map<_, _> = names
                .filter_map(|name| {
                    let url = url(name, self.tag(name)?);
                    Some((name.clone(), json!({"serverRelativeURL": url})))
                })
                .collect();
            tagged(json!({ "paths": paths }).to_string())
        })
    }

    /// The tag of a document: those of custom kinds are not made for it.
    fn tag(&self, name: &str) -> Option<&str> {
        let is_remote = self.remote.get(name).is_some_and(|spec| spec.v3.is_some());
        match self.custom.get(name).filter(|_| !is_remote) {
            Some(custom) => Some(custom.tag(&self.built_in.version)),
            None => self.v3(name)?.etag.as_deref(),
        }
    }

    /// The document of a version of a group, by its path below `/openapi/v3/`.
    fn v3(&self, name: &str) -> Option<&Document> {
        if let Some(remote) = self.remote.get(name).and_then(|spec| spec.v3.as_ref()) {
            return Some(remote);
        }
        let built_in = self.built_in.v3();
        built_in.documents.get(name).or_else(|| {
            let custom = self.custom.get(name)?;
            Some(custom.v3(&built_in.shared, &self.built_in.version))
        })
    }

    fn group_version(&self, name: &str, accept: &str, query: &str) -> Option<Answer> {
        let document = self.v3(name)?;
        if !Accepted::parse(accept).iter().any(|a| a.matches(JSON)) {
            return Some(Answer::NotAcceptable);
        }
        let mut document = document.clone();
        let asked_for = query.split('&').find_map(|pair| pair.strip_prefix("hash="));
        if let Some(asked_for) = asked_for.filter(|hash| !hash.is_empty()) {
            let current = url(name, document.etag.as_deref().unwrap_or_default());
            if !current.ends_with(&format!("?hash={asked_for}")) {
                return Some(Answer::Moved(current));
            }
            document.cache_control = "public, immutable";
        }
        Some(Answer::Document(document))
    }
}

/// A part of a document in protobuf, of members of its paths and definitions.
fn protobuf_part(paths: &str, definitions: &str) -> Vec<u8> {
    let part = format!(r#"{{"paths":{{{paths}}},"definitions":{{{definitions}}}}}"#);
    // what was written as JSON reads as JSON
    let part = serde_json::from_str(&part).unwrap_or_default();
    proto::encode(&part)
}

/// Where a document is while it stays what it is.
fn url(name: &str, tag: &str) -> String {
    format!("{INDEX}/{name}?hash={}", tag.trim_matches('"'))
}

/// Members to be appended to those of an object, if there are any.
fn following(members: String) -> String {
    match members.is_empty() {
        true => members,
        false => format!(",{members}"),
    }
}

/// A document that may be cached, but must be validated by its hash.
fn tagged(document: impl AsRef<[u8]>) -> Document {
    let mut large = LargeDocument::default();
    large.push(document);
    large.finish(JSON)
}

#[cfg(test)]
mod tests;
