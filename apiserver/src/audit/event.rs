//! Events: the record of a request at one stage.
//!
//! Upstream: `Event` in `k8s.io/apiserver/pkg/apis/audit/v1`, and `EventString` in `pkg/audit/format.go`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use bytes::Bytes;
use jiff::Timestamp;
use portcullis_api::UserInfo;
use portcullis_api::field_error::go_quote;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::facts::Facts;
use super::noted::Noted;
use super::objects;
use super::policy::{Stage, Verdict};
use crate::request::{RequestInfo, ResourceRequest};

/// The beginning of an event outside a list, before the fields of its JSON.
const TYPE: &[u8] = b"{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",";

/// The annotation of an event that has lost its objects.
const TRUNCATED: &str = "audit.k8s.io/truncated";

/// An event as it is kept and sent. Clones share it.
#[derive(Clone, Debug)]
pub struct Event {
    /// As JSON, without its type, as in the items of a list.
    json: Bytes,
    /// In the legacy format; empty unless a destination needs it.
    legacy: Bytes,
}

impl Event {
    /// As JSON without its type.
    pub const fn item(&self) -> &Bytes {
        &self.json
    }

    /// Its size in bytes.
    pub fn size(&self) -> usize {
        self.json.len() + self.legacy.len()
    }

    /// The event without its objects if it has more bytes than `max`; `None` if even then it has (upstream:
    /// `plugin/pkg/audit/truncate`).
    pub fn within(self, max: usize) -> Option<Self> {
        if self.json.len() <= max {
            return Some(self);
        }
        let mut fields: Map<String, Value> = serde_json::from_slice(&self.json).ok()?;
        for object in ["requestObject", "responseObject"] {
            fields.remove(object);
        }
        let annotations = fields.entry("annotations").or_insert_with(|| json!({}));
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.insert(TRUNCATED.to_owned(), "true".into());
        }
        let json: Bytes = Value::Object(fields).to_string().into();
        let fits = json.len() <= max;
        fits.then_some(Self { json, ..self })
    }

    /// Appends its line in a log.
    pub fn write_line(&self, format: Format, out: &mut Vec<u8>) {
        match format {
            Format::Json => {
                out.extend_from_slice(TYPE);
                out.extend_from_slice(self.json.get(1..).unwrap_or_default());
            }
            Format::Legacy => out.extend_from_slice(&self.legacy),
        }
        out.push(b'\n');
    }
}

#[cfg(test)]
impl Event {
    /// An event with this JSON, for tests.
    pub(in crate::audit) fn of(json: &str) -> Self {
        Self {
            json: json.to_owned().into(),
            legacy: Bytes::new(),
        }
    }
}

/// The format of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// A line of text with the most important fields.
    Legacy,
}

/// The parts of an event.
pub struct Moment<'a> {
    /// The stage.
    pub stage: Stage,
    /// Its time.
    pub at: Timestamp,
    /// The policy's verdict.
    pub verdict: Verdict,
    /// The facts that are known from the start.
    pub facts: &'a Facts,
    /// The facts that have become known since.
    pub noted: &'a Noted,
    /// The annotations that handlers added.
    pub annotations: BTreeMap<String, String>,
}

/// The fields before those that are JSON already, in upstream's order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Head<'a> {
    level: &'a str,
    #[serde(rename = "auditID")]
    audit_id: &'a str,
    stage: &'a str,
    #[serde(rename = "requestURI")]
    request_uri: &'a str,
    verb: &'a str,
    user: Person<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    impersonated_user: Option<Person<'a>>,
    #[serde(rename = "sourceIPs", skip_serializing_if = "<[_]>::is_empty")]
    source_ips: &'a [IpAddr],
    #[serde(skip_serializing_if = "str::is_empty")]
    user_agent: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    object_ref: Option<Reference<'a>>,
}

#[derive(Default, Serialize)]
struct Person<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    username: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    uid: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    groups: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    extra: Option<&'a BTreeMap<String, Vec<String>>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reference<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    resource: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    namespace: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    uid: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    api_group: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    api_version: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    resource_version: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    subresource: &'a str,
}

impl<'a> From<&'a UserInfo> for Person<'a> {
    fn from(user: &'a UserInfo) -> Self {
        Self {
            username: &user.name,
            uid: &user.uid,
            groups: &user.groups,
            extra: Some(&user.extra).filter(|extra| !extra.is_empty()),
        }
    }
}

impl Moment<'_> {
    /// The event, with its legacy format if that is needed.
    pub fn event(&self, with_legacy: bool) -> Event {
        Event {
            json: self.json().into(),
            legacy: match with_legacy {
                true => self.line().into(),
                false => Bytes::new(),
            },
        }
    }

    fn json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024 + self.noted.size());
        // a struct of texts always serializes
        let _ = serde_json::to_writer(&mut out, &self.head());
        out.pop();
        if let Some(status) = self.noted.outcome.as_status() {
            out.extend_from_slice(b",\"responseStatus\":");
            out.extend_from_slice(&status);
        }
        let without = self.verdict.without_managed_fields;
        for (name, object) in [
            (&b",\"requestObject\":"[..], &self.noted.request),
            (&b",\"responseObject\":"[..], &self.noted.response),
        ] {
            if let Some(object) = object {
                out.extend_from_slice(name);
                objects::append(object, without, &mut out);
            }
        }
        let (received, at) = (self.facts.id.received, self.at);
        let times = format!(
            ",\"requestReceivedTimestamp\":\"{received:.6}\",\"stageTimestamp\":\"{at:.6}\""
        );
        out.extend_from_slice(times.as_bytes());
        if !self.annotations.is_empty() {
            out.extend_from_slice(b",\"annotations\":");
            let _ = serde_json::to_writer(&mut out, &self.annotations);
        }
        out.push(b'}');
        out
    }

    fn head(&self) -> Head<'_> {
        let facts = self.facts;
        Head {
            level: self.verdict.level.as_str(),
            audit_id: &facts.id_text,
            stage: self.stage.as_str(),
            request_uri: &facts.uri,
            verb: facts.verb(),
            user: facts.user.as_ref().map(Person::from).unwrap_or_default(),
            impersonated_user: self.noted.impersonated.as_ref().map(Person::from),
            source_ips: &facts.sources,
            user_agent: &facts.user_agent,
            object_ref: match &facts.described.info {
                RequestInfo::Resource(request) => Some(self.reference(request)),
                RequestInfo::Path { .. } => None,
            },
        }
    }

    /// The object reference: fields that the URL leaves open are taken from the object.
    fn reference<'e>(&'e self, request: &'e ResourceRequest) -> Reference<'e> {
        let object = &self.noted.object;
        let or = |first: &'e str, second: &'e str| if first.is_empty() { second } else { first };
        Reference {
            resource: &request.resource,
            namespace: or(&request.namespace, &object.namespace),
            name: or(&request.name, &object.name),
            uid: &object.uid,
            api_group: &request.group,
            api_version: &request.version,
            resource_version: &object.resource_version,
            subresource: &request.subresource,
        }
    }

    fn line(&self) -> String {
        let (facts, noted) = (self.facts, self.noted);
        let groups = |user: &UserInfo| {
            let groups: Vec<_> = user.groups.iter().map(|group| go_quote(group)).collect();
            groups.join(",")
        };
        let user = facts.user.as_ref().filter(|user| !user.name.is_empty());
        let member = user.filter(|user| !user.groups.is_empty());
        let other = noted.impersonated.as_ref();
        let namespace = match &facts.described.info {
            RequestInfo::Resource(request) => self.reference(request).namespace.to_owned(),
            RequestInfo::Path { .. } => String::new(),
        };
        let ip = facts.sources.first();
        let code = noted.outcome.code();
        format!(
            "{} AUDIT: id={} stage={} ip={} method={} user={} groups={} as={} asgroups={} user-agent={} namespace={} uri={} response=\"{}\"",
            facts.id.received,
            go_quote(&facts.id_text),
            go_quote(self.stage.as_str()),
            go_quote(&ip.map_or_else(|| "<unknown>".to_owned(), ToString::to_string)),
            go_quote(facts.verb()),
            go_quote(user.map_or("<none>", |user| &user.name)),
            go_quote(&member.map_or_else(|| "<none>".to_owned(), groups)),
            go_quote(other.map_or("<self>", |user| &user.name)),
            go_quote(&other.map_or_else(|| "<lookup>".to_owned(), groups)),
            go_quote(&facts.user_agent),
            go_quote(match namespace.as_str() {
                "" => "<none>",
                namespace => namespace,
            }),
            go_quote(&facts.uri),
            code.map_or_else(|| "<deferred>".to_owned(), |code| code.to_string()),
        )
    }
}
