//! The meaning of method and URL: parsed once, read by everything after it.
//!
//! The rules, with their oddities, are those of upstream's
//! `k8s.io/apiserver/pkg/endpoints/request/requestinfo.go`.

use std::borrow::Cow;

use http::Method;
use percent_encoding::percent_decode_str;
use portcullis_api::{Verb, selector::FieldSelector};

use super::query::Query;

/// Subresources of a namespace, which would otherwise be parsed as resources below `/namespaces/{name}/…`.
const NAMESPACE_SUBRESOURCES: [&str; 2] = ["status", "finalize"];

/// The target of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestInfo {
    /// An object or a collection.
    Resource(ResourceRequest),
    /// Anything else, such as `/healthz` or discovery.
    Path {
        /// The HTTP method in lower case, which is RBAC's verb.
        verb: String,
        /// The decoded path.
        path: String,
    },
}

/// A request for an object or a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceRequest {
    /// The verb; `None` for a method without one.
    pub verb: Option<Verb>,
    /// The API group, empty for core.
    pub group: String,
    /// Its version.
    pub version: String,
    /// The namespace; empty without one, and for all.
    pub namespace: String,
    /// The plural resource name.
    pub resource: String,
    /// The segment after the object's name; empty without one.
    pub subresource: String,
    /// The object's name, empty for collections; also that of a watch of a single object.
    pub name: String,
    /// Whether the name is in the path, and not only in a field selector.
    pub named_in_path: bool,
    /// Segments after the subresource, as in `pods/{name}/proxy/…`.
    pub rest: Vec<String>,
}

impl ResourceRequest {
    /// The `apiVersion` of the URL.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}

impl RequestInfo {
    /// Parses a request's method, path and query.
    pub fn parse(method: &Method, path: &str, query: &Query) -> Self {
        let segments: Vec<Cow<'_, str>> = path
            .split('/')
            .filter(|s| !s.is_empty())
            .map(|s| percent_decode_str(s).decode_utf8_lossy())
            .collect();
        resource_request(method, &segments, query).map_or_else(
            || Self::Path {
                verb: method.as_str().to_ascii_lowercase(),
                path: percent_decode_str(path).decode_utf8_lossy().into_owned(),
            },
            Self::Resource,
        )
    }
}

fn resource_request(
    method: &Method,
    segments: &[Cow<'_, str>],
    query: &Query,
) -> Option<ResourceRequest> {
    let owned =
        |segment: Option<&Cow<'_, str>>| segment.map_or_else(String::new, |s| (**s).to_owned());
    let (group, rest) = match segments {
        [prefix, rest @ ..] if prefix == "api" && rest.len() >= 2 => (String::new(), rest),
        [prefix, group, rest @ ..] if prefix == "apis" && rest.len() >= 2 => {
            (owned(Some(group)), rest)
        }
        _ => return None,
    };
    let [version, rest @ ..] = rest else {
        return None;
    };
    let (mut verb, rest) = match rest {
        [watch, rest @ ..] if watch == "watch" && !rest.is_empty() => (watch_verb(method), rest),
        rest => (method_verb(method), rest),
    };
    let (namespace, rest) = split_namespace(rest);
    let [resource, rest @ ..] = rest else {
        return None;
    };
    let mut name = owned(rest.first());
    let named_in_path = !name.is_empty();
    if !named_in_path {
        verb = collection_verb(verb, query);
        if matches!(verb, Some(Verb::List | Verb::Watch)) {
            name = selected_name(query).unwrap_or_default();
        }
    }
    Some(ResourceRequest {
        verb,
        group,
        version: owned(Some(version)),
        namespace,
        resource: owned(Some(resource)),
        subresource: owned(rest.get(1)),
        name,
        named_in_path,
        rest: (rest.get(2..).unwrap_or_default().iter())
            .map(|segment| owned(Some(segment)))
            .collect(),
    })
}

/// `namespaces/{ns}/{resource}…` names the resource, `namespaces/{ns}` and its own subresources name the
/// namespace, which authorization also sees as the namespace of the request.
fn split_namespace<'s, 'p>(segments: &'s [Cow<'p, str>]) -> (String, &'s [Cow<'p, str>]) {
    match segments {
        [first, namespace, rest @ ..] if first == "namespaces" => {
            let own = rest
                .first()
                .is_none_or(|s| NAMESPACE_SUBRESOURCES.contains(&&**s));
            (namespace.to_string(), if own { segments } else { rest })
        }
        _ => (String::new(), segments),
    }
}

/// `/watch/…` means `?watch=true`, and nothing else.
fn watch_verb(method: &Method) -> Option<Verb> {
    matches!(*method, Method::GET | Method::HEAD).then_some(Verb::Watch)
}

fn method_verb(method: &Method) -> Option<Verb> {
    match *method {
        Method::POST => Some(Verb::Create),
        Method::GET | Method::HEAD => Some(Verb::Get),
        Method::PUT => Some(Verb::Update),
        Method::PATCH => Some(Verb::Patch),
        Method::DELETE => Some(Verb::Delete),
        _ => None,
    }
}

fn collection_verb(verb: Option<Verb>, query: &Query) -> Option<Verb> {
    match verb {
        Some(Verb::Get) if query.flag("watch") => Some(Verb::Watch),
        Some(Verb::Get) => Some(Verb::List),
        Some(Verb::Delete) => Some(Verb::DeleteCollection),
        other => other,
    }
}

/// The name that a field selector requires, so that rules with `resourceNames` apply to it.
fn selected_name(query: &Query) -> Option<String> {
    let selector = FieldSelector::parse(query.get("fieldSelector")).ok()?;
    let name = selector.required_value("metadata.name")?;
    portcullis_api::name::path_segment(name)
        .is_empty()
        .then(|| name.to_owned())
}

#[cfg(test)]
mod tests;
