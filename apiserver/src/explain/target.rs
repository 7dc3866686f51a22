//! The target of a question, read as the request itself would be.

use http::Method;
use portcullis_api::{GroupResource, Status, UserInfo, Verb, name};
use portcullis_rbac::{Attributes, ResourceTarget, Target};
use serde_json::Value;

use super::Question;
use crate::request::{Query, RequestInfo};
use portcullis_kinds::catalogue::Catalogue;
use portcullis_kinds::resource::Resource;
use portcullis_kinds::shared::ResourceRef;

/// A resource, an object or a path, and the verb.
pub struct ExplainedRequest {
    verb: String,
    path: String,
    group: String,
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
    /// What it would change.
    pub change: Option<Change>,
    /// Whether this server serves the resource; true for paths, and for rights that only authorizers check, such
    /// as impersonating users.
    pub is_known: bool,
}

/// A change of an object, for admission.
pub enum Change {
    /// It is written.
    Write(Write),
    /// It is deleted.
    Delete(Deletion),
}

/// An object to delete.
pub struct Deletion {
    /// The row of its kind.
    pub resource: ResourceRef,
    /// Its name.
    pub name: String,
}

/// An object to write.
pub struct Write {
    /// The row of its kind.
    pub resource: ResourceRef,
    /// The object's `apiVersion`.
    pub api_version: String,
    /// The object.
    pub object: Value,
    /// Its name; empty if it is to be generated.
    pub name: String,
    /// Whether it is an update.
    pub update: bool,
}

impl ExplainedRequest {
    /// Reads a question.
    ///
    /// # Errors
    /// 400 for a question without a target, or about a kind that is not served.
    pub fn of(question: Question, catalogue: &Catalogue) -> Result<Self, Status> {
        if let Some(object) = question.object {
            return Self::write(&question.verb, question.namespace, object, catalogue);
        }
        if question.verb.is_empty() || question.resource.is_empty() == question.path.is_empty() {
            return Err(Status::bad_request(
                "an explain request needs an object, or a verb and either a resource or a path",
            ));
        }
        let path = path(&question.path)?;
        for (field, part) in [
            ("namespace", &question.namespace),
            ("name", &question.name),
            ("subresource", &question.subresource),
        ] {
            if let Some(why) = name::path_segment(part).first() {
                return Err(Status::bad_request(format!("{field} {part:?}: {why}")));
            }
        }
        let (plural, group) = question
            .resource
            .split_once('.')
            .unwrap_or((&question.resource, ""));
        let known = find(catalogue, plural, group).or_else(|| in_version(catalogue, plural, group));
        let resource = known.map_or(plural, |r| r.plural).to_owned();
        let mut namespace = question.namespace;
        if known.is_some_and(|r| !r.namespaced) || is_impersonation(&question.verb, &resource) {
            namespace = String::new();
        }
        if resource == "namespaces" && group.is_empty() {
            // as in the URL of a namespace, which contains its name twice
            namespace.clone_from(&question.name);
        }
        let is_known = known.is_some() || !path.is_empty() || !is_served_verb(&question.verb);
        let deletion = known.filter(|row| {
            let named = !question.name.is_empty() && question.subresource.is_empty();
            named && question.verb == Verb::Delete.as_str() && row.supports(Verb::Delete)
        });
        let deletion = deletion.map(|row| Deletion {
            resource: row.clone(),
            name: question.name.clone(),
        });
        Ok(Self {
            verb: question.verb,
            path,
            group: known.map_or(group, |r| r.group).to_owned(),
            resource,
            subresource: question.subresource,
            namespace,
            name: question.name,
            change: deletion.map(Change::Delete),
            is_known,
        })
    }

    fn write(
        verb: &str,
        namespace: String,
        object: Value,
        catalogue: &Catalogue,
    ) -> Result<Self, Status> {
        let text = |field: Option<&Value>| {
            let text = field.and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let (api_version, kind) = (text(object.get("apiVersion")), text(object.get("kind")));
        for (field, text) in [("apiVersion", &api_version), ("kind", &kind)] {
            if text.is_empty() {
                return Err(Status::bad_request(format!("the object has no {field}")));
            }
        }
        let mut rows = catalogue.rows().iter();
        let served = rows.find(|r| r.kind == kind && r.api_versions().any(|v| v == api_version));
        let resource = served.cloned().ok_or_else(|| {
            Status::bad_request(format!(
                "this server has no resource for objects of kind {kind:?} in {api_version:?}"
            ))
        })?;
        let update = match verb {
            "" | "create" => false,
            "update" => true,
            _ => {
                return Err(Status::bad_request(
                    "with an object the verb must be create or update",
                ));
            }
        };
        let done = if update { Verb::Update } else { Verb::Create };
        if !resource.supports(done) {
            return Err(Status::bad_request(format!(
                "{kind} does not support {done}"
            )));
        }
        let metadata = object.get("metadata");
        let field = |name| text(metadata.and_then(|m| m.get(name)));
        let name = field("name");
        let own = field("namespace");
        let namespace = match (resource.namespaced, own.is_empty()) {
            (false, _) => String::new(),
            (true, false) => own,
            (true, true) if namespace.is_empty() => "default".to_owned(),
            (true, true) => namespace,
        };
        for part in [&name, &namespace] {
            if !part.is_empty() && !name::path_segment(part).is_empty() {
                return Err(Status::bad_request(format!("{part:?} is not a name")));
            }
        }
        let verb = if update { "update" } else { "create" };
        let group = match api_version.split_once('/') {
            Some((group, _)) => group.to_owned(),
            None => String::new(),
        };
        Ok(Self {
            verb: verb.to_owned(),
            path: String::new(),
            group,
            resource: resource.plural.to_owned(),
            subresource: String::new(),
            namespace,
            // the URL of a create has no name
            name: if update { name.clone() } else { String::new() },
            change: Some(Change::Write(Write {
                resource,
                api_version,
                object,
                name,
                update,
            })),
            is_known: true,
        })
    }

    /// The request's attributes for authorizers.
    pub fn attributes<'a>(&'a self, user: &'a UserInfo) -> Attributes<'a> {
        let target = if self.path.is_empty() {
            Target::Resource(ResourceTarget {
                group: &self.group,
                resource: &self.resource,
                subresource: &self.subresource,
                namespace: &self.namespace,
                name: &self.name,
                ..ResourceTarget::default()
            })
        } else {
            Target::Path(&self.path)
        };
        Attributes {
            user,
            verb: &self.verb,
            target,
        }
    }

    /// The resource with its group, as the question names it if it is unknown.
    pub fn resource(&self) -> GroupResource<'_> {
        GroupResource {
            group: &self.group,
            resource: &self.resource,
        }
    }

    /// The namespace; empty without one.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The request, such as `create pods "web" in the namespace "default"`.
    pub fn sentence(&self, user: &UserInfo) -> String {
        let mut attributes = self.attributes(user);
        if let (Target::Resource(target), Some(Change::Write(write))) =
            (&mut attributes.target, &self.change)
        {
            target.name = &write.name;
        }
        sentence(&attributes)
    }
}

/// A path outside resources, without its query, which is not authorized.
fn path(asked: &str) -> Result<String, Status> {
    let path = asked.split('?').next().unwrap_or_default();
    match RequestInfo::parse(&Method::GET, path, &Query::default()) {
        RequestInfo::Resource(_) if !path.is_empty() => Err(Status::bad_request(format!(
            "{path} is the URL of a resource: name the resource"
        ))),
        RequestInfo::Resource(_) | RequestInfo::Path { .. } => Ok(path.to_owned()),
    }
}

/// Whether requests for resources have this verb. Others are names of rights that authorizers check.
fn is_served_verb(verb: &str) -> bool {
    let verbs = [
        Verb::Get,
        Verb::List,
        Verb::Watch,
        Verb::Create,
        Verb::Update,
        Verb::Patch,
        Verb::Delete,
        Verb::DeleteCollection,
    ];
    verbs.iter().any(|served| served.as_str() == verb)
}

/// Whether this is an impersonation, which is authorized at the cluster's scope; only service accounts have a
/// namespace (upstream: `WithImpersonation`).
fn is_impersonation(verb: &str, resource: &str) -> bool {
    verb == "impersonate" && resource != "serviceaccounts"
}

/// A request in words.
pub fn sentence(attributes: &Attributes<'_>) -> String {
    let verb = attributes.verb;
    let target = match attributes.target {
        Target::Path(path) => return format!("{verb} {path}"),
        Target::Resource(target) => target,
    };
    let resource = GroupResource {
        group: target.group,
        resource: target.resource,
    };
    let mut words = format!("{verb} {resource}");
    if !target.subresource.is_empty() {
        words.push('/');
        words.push_str(target.subresource);
    }
    if !target.name.is_empty() {
        words.push_str(&format!(" {:?}", target.name));
    }
    if !target.namespace.is_empty() {
        words.push_str(&format!(" in the namespace {:?}", target.namespace));
    }
    words
}

/// A resource by any of its names: plural, short, or its kind in small letters.
fn find<'c>(catalogue: &'c Catalogue, name: &str, group: &str) -> Option<&'c ResourceRef> {
    let name = name.to_ascii_lowercase();
    let served = |r: &Resource| {
        group.is_empty() || r.group == group || r.api_versions().any(|v| v.starts_with(group))
    };
    catalogue.rows().iter().filter(|r| served(r)).find(|r| {
        r.plural == name || r.short_names.contains(&name.as_str()) || is_kind(r.kind, &name)
    })
}

/// A resource named with its version, as kubectl accepts it: `deployments.v1.apps`.
fn in_version<'c>(catalogue: &'c Catalogue, name: &str, rest: &str) -> Option<&'c ResourceRef> {
    let (version, group) = rest.split_once('.')?;
    let api_version = format!("{group}/{version}");
    find(catalogue, name, group).filter(|r| r.api_versions().any(|v| v == api_version))
}

fn is_kind(kind: &str, name: &str) -> bool {
    kind.eq_ignore_ascii_case(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(question: Value) -> Result<String, Status> {
        let question = serde_json::from_value(question).unwrap();
        let asked = ExplainedRequest::of(question, &Catalogue::default())?;
        Ok(asked.sentence(&UserInfo::default()))
    }

    #[test]
    fn what_is_explained_is_what_a_request_would_be_about() {
        for (question, sentence) in [
            (json!({"verb": "get", "path": "/api?x=y"}), "get /api"),
            (
                json!({"verb": "impersonate", "resource": "users", "name": "bob", "namespace": "default"}),
                "impersonate users \"bob\"",
            ),
            (
                json!({"verb": "impersonate", "resource": "sa", "name": "b", "namespace": "default"}),
                "impersonate serviceaccounts \"b\" in the namespace \"default\"",
            ),
            (
                json!({"verb": "get", "resource": "deploy.v1.apps", "name": "a", "namespace": "b"}),
                "get deployments.apps \"a\" in the namespace \"b\"",
            ),
            (
                json!({"verb": "get", "resource": "deploy.v9.apps", "name": "a", "namespace": "b"}),
                "get deploy.v9.apps \"a\" in the namespace \"b\"",
            ),
        ] {
            assert_eq!(asked(question).unwrap(), sentence);
        }
    }

    #[test]
    fn impossible_requests_are_rejected() {
        for (question, message) in [
            (
                json!({"verb": "get", "path": "/api/v1/namespaces/kube-system/secrets"}),
                "/api/v1/namespaces/kube-system/secrets is the URL of a resource: name the resource",
            ),
            (
                json!({"object": {"kind": "Pod"}}),
                "the object has no apiVersion",
            ),
            (
                json!({"verb": "create", "object": {"apiVersion": "v1", "kind": "ComponentStatus"}}),
                "ComponentStatus does not support create",
            ),
        ] {
            assert_eq!(asked(question).unwrap_err().message, message);
        }
    }
}
