//! The operations of every path, before they are written for a version of OpenAPI.

use portcullis_api::{GroupVersion, Verb};
use serde_json::Value;

use super::definitions::{Kinds, gvk, list_of, machinery};
use super::operation_id::OperationName;
use super::parameters::{self, Parameter};
use portcullis_kinds::resource::{Resource, Subresource};
use portcullis_kinds::shared::ResourceRef;

/// A path and its operations.
pub(super) struct Path {
    /// The template, such as `/api/v1/namespaces/{namespace}/pods/{name}`.
    pub(super) path: String,
    /// The names in braces, each with its description.
    pub(super) variables: Vec<(&'static str, String)>,
    pub(super) operations: Vec<Operation>,
}

/// One operation.
pub(super) struct Operation {
    /// The key in a path item: `get`, `put`, `post`, `delete` or `patch`.
    pub(super) method: &'static str,
    /// `x-kubernetes-action`.
    pub(super) action: &'static str,
    pub(super) description: String,
    pub(super) id: String,
    pub(super) tag: String,
    pub(super) gvk: Value,
    pub(super) parameters: &'static [Parameter],
    /// The media types of the request's body.
    pub(super) consumes: &'static [&'static str],
    /// The definition of the request's body, and whether it is required.
    pub(super) body: Option<(String, bool)>,
    /// The definition of the response; `None` is text.
    pub(super) answer: Option<String>,
    /// The codes of success with their descriptions.
    pub(super) codes: Codes,
}

const OK: (&str, &str) = ("200", "OK");
const CREATED: (&str, &str) = ("201", "Created");
const ACCEPTED: (&str, &str) = ("202", "Accepted");

/// The media types of request bodies.
const ANY: &[&str] = &["*/*"];
const PATCHES: &[&str] = &[
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];
/// Custom objects are not read as protobuf, and have no merge keys.
const CUSTOM: &[&str] = &["application/json", "application/yaml"];
const CUSTOM_PATCHES: &[&str] = &[
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/apply-patch+yaml",
];

/// All paths of a version of a group; `kinds` has the definitions of all bodies.
pub(super) fn paths(
    kinds: &Kinds,
    group_version: GroupVersion<'static>,
    resources: &[ResourceRef],
) -> Vec<Path> {
    let mut paths = Vec::new();
    let api_version = group_version.to_string();
    for resource in resources {
        let Some(definition) = kinds.find(&api_version, resource.kind) else {
            continue;
        };
        let serving = Serving {
            group_version,
            resource,
            definition,
            kinds,
        };
        paths.push(serving.collection());
        if resource.namespaced && resource.supports(Verb::List) {
            paths.push(serving.all_namespaces());
        }
        if resource.supports(Verb::Get) || resource.supports(Verb::Delete) {
            paths.push(serving.item());
        }
        let offered = resource.subresources_of(&api_version);
        paths.extend(offered.map(|s| serving.below(s)));
    }
    paths
}

/// A resource under one of its labels.
struct Serving<'a> {
    group_version: GroupVersion<'static>,
    resource: &'a Resource,
    definition: &'a str,
    kinds: &'a Kinds,
}

impl Serving<'_> {
    fn root(&self) -> String {
        let prefix = if self.group_version.group.is_empty() {
            "/api"
        } else {
            "/apis"
        };
        format!("{prefix}/{}", self.group_version)
    }

    fn path(&self, below: &str) -> String {
        let namespace = if self.resource.namespaced {
            "/namespaces/{namespace}"
        } else {
            ""
        };
        format!("{}{namespace}/{}{below}", self.root(), self.resource.plural)
    }

    fn variables(&self, named: bool) -> Vec<(&'static str, String)> {
        let mut variables = Vec::new();
        if named {
            variables.push(("name", format!("name of the {}", self.resource.kind)));
        }
        if self.resource.namespaced {
            variables.push((
                "namespace",
                "object name and auth scope, such as for teams and projects".to_owned(),
            ));
        }
        variables
    }

    fn collection(&self) -> Path {
        let verbs = [Verb::List, Verb::Create, Verb::DeleteCollection];
        let operations = verbs.into_iter().filter(|v| self.resource.supports(*v));
        Path {
            path: self.path(""),
            variables: self.variables(false),
            operations: operations.map(|v| self.operation(v)).collect(),
        }
    }

    fn all_namespaces(&self) -> Path {
        let mut list = self.operation(Verb::List);
        list.id = self.name().all_namespaces().id("list");
        Path {
            path: format!("{}/{}", self.root(), self.resource.plural),
            variables: Vec::new(),
            operations: vec![list],
        }
    }

    fn item(&self) -> Path {
        let verbs = [Verb::Get, Verb::Update, Verb::Delete, Verb::Patch];
        let operations = verbs.into_iter().filter(|v| self.resource.supports(*v));
        Path {
            path: self.path("/{name}"),
            variables: self.variables(true),
            operations: operations.map(|v| self.operation(v)).collect(),
        }
    }

    fn below(&self, subresource: &Subresource) -> Path {
        let own = subresource
            .group_version
            .map_or(self.group_version, GroupVersion::parse);
        let stored = subresource
            .group_version
            .map_or_else(|| self.own_version(), str::to_owned);
        let definition = self.kinds.find(&stored, subresource.kind);
        let name = self.name().below(subresource.name);
        let operations = subresource.verbs.iter().map(|verb| {
            let mut operation = self.operation(*verb);
            let what = format!(
                "{} of the specified {}",
                subresource.name, self.resource.kind
            );
            operation.description = format!("{} {what}", word(*verb));
            operation.id = name.id(word(*verb));
            if !self.is_custom() {
                operation.gvk = gvk(own.group, own.version, subresource.kind);
            }
            operation.answer = definition.map(str::to_owned);
            if matches!(verb, Verb::Create | Verb::Update) {
                operation.body = definition.map(|d| (d.to_owned(), true));
            }
            if definition.is_none() {
                operation.action = "connect";
            }
            operation
        });
        Path {
            path: self.path(&format!("/{{name}}/{}", subresource.name)),
            variables: self.variables(true),
            operations: operations.collect(),
        }
    }

    /// The `apiVersion` of the kind's definition under a subresource: built-in kinds have those of the stored
    /// version only.
    fn own_version(&self) -> String {
        if self.is_custom() {
            self.group_version.to_string()
        } else {
            self.resource.api_version()
        }
    }

    fn is_custom(&self) -> bool {
        self.resource.strategy.custom().is_some()
    }

    fn consumes(&self, verb: Verb) -> &'static [&'static str] {
        match (verb, self.is_custom()) {
            (Verb::Patch, false) => PATCHES,
            (Verb::Patch, true) => CUSTOM_PATCHES,
            (_, false) => ANY,
            (_, true) => CUSTOM,
        }
    }

    fn name(&self) -> OperationName {
        OperationName::new(
            self.group_version,
            self.resource.kind,
            self.resource.namespaced,
        )
    }

    fn operation(&self, verb: Verb) -> Operation {
        let kind = self.resource.kind;
        let definition = self.definition.to_owned();
        let (method, action, parameters, codes) = form(verb);
        let (body, answer) = match verb {
            Verb::Get => (None, definition),
            Verb::List | Verb::Watch => (None, list_of(&definition, &self.resource.list_kind())),
            Verb::Create | Verb::Update => (Some((definition.clone(), true)), definition),
            Verb::Patch => (Some((machinery("Patch"), true)), definition),
            Verb::Delete | Verb::DeleteCollection => {
                let options = machinery("DeleteOptions");
                let whole = verb == Verb::Delete && self.resource.strategy.returns_deleted();
                let answer = if whole {
                    definition
                } else {
                    machinery("Status")
                };
                (Some((options, false)), answer)
            }
        };
        let GroupVersion { group, version } = self.group_version;
        let (name, word) = match verb {
            // upstream's builders of built-in and of custom kinds differ
            Verb::DeleteCollection if self.is_custom() => (self.name(), "deletecollection"),
            Verb::DeleteCollection => (self.name().collection(), "delete"),
            _ => (self.name(), word(verb)),
        };
        Operation {
            method,
            action,
            description: describe(verb, kind),
            id: name.id(word),
            tag: name.tag(),
            gvk: gvk(group, version, kind),
            parameters,
            consumes: self.consumes(verb),
            body,
            answer: Some(answer),
            codes,
        }
    }
}

type Codes = &'static [(&'static str, &'static str)];

/// The method, the action, the parameters and the codes of success.
fn form(verb: Verb) -> (&'static str, &'static str, &'static [Parameter], Codes) {
    match verb {
        Verb::Get => ("get", "get", &[], &[OK]),
        Verb::List | Verb::Watch => ("get", "list", parameters::LIST, &[OK]),
        Verb::Create => ("post", "post", parameters::WRITE, &[OK, CREATED, ACCEPTED]),
        Verb::Update => ("put", "put", parameters::WRITE, &[OK, CREATED]),
        Verb::Patch => ("patch", "patch", parameters::PATCH, &[OK, CREATED]),
        Verb::Delete => ("delete", "delete", parameters::DELETE, &[OK, ACCEPTED]),
        Verb::DeleteCollection => {
            let parameters = parameters::DELETE_COLLECTION;
            ("delete", "deletecollection", parameters, &[OK])
        }
    }
}

fn describe(verb: Verb, kind: &str) -> String {
    match verb {
        Verb::Get => format!("read the specified {kind}"),
        Verb::List | Verb::Watch => format!("list or watch objects of kind {kind}"),
        Verb::Create => format!("create a {kind}"),
        Verb::Update => format!("replace the specified {kind}"),
        Verb::Patch => format!("partially update the specified {kind}"),
        Verb::Delete => format!("delete a {kind}"),
        Verb::DeleteCollection => format!("delete collection of {kind}"),
    }
}

/// The verb in operation ids.
fn word(verb: Verb) -> &'static str {
    match verb {
        Verb::Get => "read",
        Verb::Update => "replace",
        Verb::Watch => "list",
        Verb::DeleteCollection => "delete",
        Verb::List | Verb::Create | Verb::Patch | Verb::Delete => verb.as_str(),
    }
}
