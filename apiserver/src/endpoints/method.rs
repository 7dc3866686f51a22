//! The verb of a method on a resource or subresource, if there is one.

use http::HeaderMap;
use portcullis_api::status::{Details, Reason};
use portcullis_api::{Status, Verb};

use super::patch;
use crate::request::ResourceRequest;
use portcullis_kinds::resource::{PROXY, Resource, Subresource};

/// The subresource of a URL; `None` without one.
///
/// # Errors
/// 404 for an unknown subresource, or a URL with or without a namespace where it must not be.
pub fn find_subresource(
    resource: &Resource,
    info: &ResourceRequest,
) -> Result<Option<&'static Subresource>, Status> {
    let is_forwarded = info.subresource == PROXY;
    if !is_in_its_scope(resource, info) || !(info.rest.is_empty() || is_forwarded) {
        return Err(Status::no_such_resource());
    }
    match info.subresource.as_str() {
        "" => Ok(None),
        name => {
            let api_version = info.api_version();
            let mut offered = resource.subresources_of(&api_version);
            let found = offered.find(|subresource| subresource.name == name);
            found.map(Some).ok_or_else(|| not_offered(resource, info))
        }
    }
}

/// Upstream looks for the object of a custom kind, but has no routes for its subresources.
fn not_offered(resource: &Resource, info: &ResourceRequest) -> Status {
    match resource.strategy.custom() {
        Some(_) => Status::not_found(resource.group_resource(), &info.name),
        None => Status::no_such_resource(),
    }
}

/// Whether the path has a namespace exactly if the resource is namespaced.
fn is_in_its_scope(resource: &Resource, info: &ResourceRequest) -> bool {
    let in_namespace = !info.namespace.is_empty() && resource.plural != "namespaces";
    if resource.namespaced {
        in_namespace || !info.named_in_path
    } else {
        !in_namespace
    }
}

/// Whether a custom kind has the path of a request: only lists and watches may be of all namespaces (upstream:
/// `possiblyAcrossAllNamespacesVerbs` of `customresource_handler.go`).
pub fn is_routed(resource: &Resource, info: &ResourceRequest) -> bool {
    let is_placed = !resource.namespaced || !info.namespace.is_empty();
    let of_all = matches!(info.verb, Some(Verb::List | Verb::Watch));
    is_in_its_scope(resource, info) && (is_placed || of_all)
}

/// The verb of a request (upstream has a route for each verb that a resource supports).
///
/// # Errors
/// 405.
pub fn check_verb(
    resource: &Resource,
    subresource: Option<&Subresource>,
    info: &ResourceRequest,
    headers: &HeaderMap,
) -> Result<Verb, Status> {
    let is_custom = resource.strategy.custom().is_some();
    let Some(verb) = info.verb else {
        return Err(match is_custom {
            true => not_supported(resource, ""),
            false => method_not_allowed(),
        });
    };
    let supported = match subresource {
        Some(subresource) => subresource.verbs.contains(&verb),
        None => resource.supports(verb),
    };
    let placed = match verb {
        Verb::Create if subresource.is_some() => info.named_in_path,
        // created in a namespace, not across all of them; only custom kinds have one route for all verbs
        Verb::Create => {
            (is_custom || !info.named_in_path)
                && (!resource.namespaced || !info.namespace.is_empty())
        }
        Verb::DeleteCollection => !resource.namespaced || !info.namespace.is_empty(),
        Verb::Update | Verb::Patch | Verb::Delete | Verb::Get => info.named_in_path,
        Verb::List | Verb::Watch => true,
    };
    match (supported && placed, is_custom) {
        (true, _) => Ok(verb),
        (false, false) => Err(method_not_allowed()),
        (false, true) => Err(not_served(resource, verb, subresource.is_none(), headers)),
    }
}

/// Upstream has one route for all verbs of custom kinds, and looks at them later.
fn not_served(resource: &Resource, verb: Verb, itself: bool, headers: &HeaderMap) -> Status {
    let nameless = || Status::bad_request("name must be provided");
    match verb {
        Verb::Update if itself => nameless(),
        Verb::Patch if itself => match patch::check_custom_type(headers) {
            Ok(()) => nameless(),
            Err(unsupported) => unsupported,
        },
        verb => not_supported(resource, verb.as_str()),
    }
}

/// 405 of a custom kind.
fn not_supported(resource: &Resource, verb: &str) -> Status {
    let of = resource.group_resource();
    let why = format!(
        "{verb} is not supported on resources of kind {:?}",
        of.to_string()
    );
    Status::failure(Reason::MethodNotAllowed, why).with_details(Details {
        group: of.group.into(),
        kind: of.resource.into(),
        ..Details::default()
    })
}

/// 405.
pub fn method_not_allowed() -> Status {
    Status::failure(
        Reason::MethodNotAllowed,
        "the server does not allow this method on the requested resource",
    )
    .with_details(Details::default())
}
