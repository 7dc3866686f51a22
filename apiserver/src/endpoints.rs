//! The handlers of authorized requests, for all kinds: one file per verb, subresource or document; `call`, `body`,
//! `query`, `method` and `write` are shared.

pub mod aggregated;
pub mod api;
pub mod apply;
pub mod binding;
pub mod body;
pub mod call;
pub mod components;
pub mod connect;
pub mod create;
pub mod delete;
pub mod documents;
pub mod eviction;
pub mod get;
pub mod health;
pub mod list;
pub mod method;
pub mod metrics;
pub mod openid;
pub mod patch;
pub mod query;
pub mod reviews;
pub mod scale;
pub mod token;
pub mod update;
pub mod version;
pub mod watch;
mod write;

use std::sync::Arc;

use axum::extract::{Extension, State};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use portcullis_admission::RequestOptions;
use portcullis_api::{Status, Verb};

use self::aggregated::Aggregation;
use self::api::Api;
use self::body::Incoming;
use self::call::Call;
use self::documents::Documents;
use self::method::{check_verb, find_subresource, is_routed};
use crate::access::Authorized;
use crate::audit::Audited;
use crate::limits::in_flight::InFlight;
use crate::request::{RequestInfo, ResourceRequest};
use crate::response::{self, Response, accept};
use portcullis_kinds::catalogue::Catalogue;
use portcullis_kinds::kinds::scale::SCALE;
use portcullis_kinds::resource::{Resource, Subresource};
use portcullis_kinds::shared::ResourceRef;
use portcullis_registry::{Scope, WarningList};

/// Handles all paths without a route of their own: resources, discovery documents and unknown paths. It dispatches on
/// what was authorized, and never on the URL.
pub async fn dispatch(
    State(api): State<Arc<Api>>,
    State(documents): State<Arc<Documents>>,
    State(aggregation): State<Arc<Aggregation>>,
    Extension(in_flight): Extension<Arc<InFlight>>,
    authorized: Authorized,
    parts: Parts,
    mut body: Incoming,
) -> Response {
    if let Some(service) = aggregation.of(authorized.info()) {
        let answer = aggregation.forward(&service, &authorized, &parts, &in_flight, &mut body);
        return answer.boxed().await;
    }
    let info = match authorized.info() {
        RequestInfo::Path { path, .. } => return documents.serve(path, &parts),
        RequestInfo::Resource(info) => info,
    };
    let request = Routed {
        api: &api,
        in_flight: &in_flight,
        authorized: &authorized,
        parts: &parts,
    };
    let answer = resource(&request, info, &mut body).await;
    answer.unwrap_or_else(|status| response::status(&status))
}

/// The parts of an authorized request that every handler needs.
struct Routed<'a> {
    api: &'a Api,
    in_flight: &'a Arc<InFlight>,
    authorized: &'a Authorized,
    parts: &'a Parts,
}

impl Routed<'_> {
    fn audited(&self) -> Option<&Audited> {
        let audited = self.parts.extensions.get::<Arc<Audited>>();
        audited.map(Arc::as_ref)
    }

    /// The object or collection that the request is for, in a version of its resource.
    fn scope<'s>(
        &'s self,
        info: &'s ResourceRequest,
        resource: &'s Resource,
        api_version: &'s str,
        warnings: &'s WarningList,
    ) -> Scope<'s> {
        let query = self.authorized.query();
        Scope {
            api_version,
            subresource: &info.subresource,
            namespace: if resource.namespaced {
                &info.namespace
            } else {
                ""
            },
            name: &info.name,
            options: RequestOptions {
                field_manager: query.get("fieldManager"),
                field_validation: query.get("fieldValidation"),
                ..RequestOptions::default()
            },
            conversions: Some(self.api.registry.conversions()),
            warnings: Some(warnings),
            annotations: self.audited().map(Audited::annotations),
            ..Scope::all(resource, self.authorized.user())
        }
    }
}

async fn resource(
    routed: &Routed<'_>,
    info: &ResourceRequest,
    body: &mut Incoming,
) -> Result<Response, Status> {
    let api_version = info.api_version();
    let catalogue = routed.api.registry.catalogue();
    let Some(row) = find_row(&catalogue, &api_version, info)? else {
        return Ok(page_not_found());
    };
    let resource: &Resource = row;
    let warnings = WarningList::default();
    let release = catalogue.offer().release;
    let is_custom = resource.strategy.custom().is_some();
    if is_custom {
        warnings.add(row.deprecation(&api_version, release));
    }
    let (subresource, verb) = match route(resource, info, &routed.parts.headers) {
        Ok(route) => route,
        Err(status) => return Ok(with_warnings(Err(status), warnings)),
    };
    let scaled = subresource.is_some_and(|s| s.kind == SCALE.kind);
    let (parent, resource, api_version) = if scaled {
        (Some(resource), &SCALE, SCALE.api_version())
    } else {
        (None, resource, api_version)
    };
    if !is_custom {
        warnings.add(row.deprecation(&api_version, release));
    }
    let call = Call {
        api: routed.api,
        in_flight: routed.in_flight,
        parent,
        row,
        scope: routed.scope(info, resource, &api_version, &warnings),
        info,
        api_version: &api_version,
        query: routed.authorized.query(),
        parts: routed.parts,
        format: accept::negotiate(&routed.parts.headers, !is_custom)?,
        audited: routed.audited(),
    };
    let result = call_handler(verb, &call, body).await;
    Ok(with_warnings(result, warnings))
}

/// The row of the request's resource; `None` where upstream has no route.
///
/// # Errors
/// 404 for an unknown resource of a built-in group.
fn find_row<'c>(
    catalogue: &'c Catalogue,
    api_version: &str,
    info: &ResourceRequest,
) -> Result<Option<&'c ResourceRef>, Status> {
    let built_in = catalogue.is_built_in_group(&info.group);
    match catalogue.find(api_version, &info.resource) {
        Some(row) if built_in || is_routed(row, info) => Ok(Some(row)),
        _ if built_in => Err(Status::no_such_resource()),
        _ => Ok(None),
    }
}

/// The subresource, if the request is for one, and the verb.
fn route(
    resource: &Resource,
    info: &ResourceRequest,
    headers: &HeaderMap,
) -> Result<(Option<&'static Subresource>, Verb), Status> {
    let subresource = find_subresource(resource, info)?;
    let verb = check_verb(resource, subresource, info, headers)?;
    Ok((subresource, verb))
}

fn with_warnings(result: Result<Response, Status>, warnings: WarningList) -> Response {
    let mut answer = result.unwrap_or_else(|status| response::status(&status));
    response::warn(&mut answer, &warnings.into_inner());
    answer
}

/// Upstream's response for a path without a route. Groups that only definitions create have no routes, so any
/// request there that no definition serves gets it.
fn page_not_found() -> Response {
    response::text(StatusCode::NOT_FOUND, "404 page not found\n")
}

/// Calls the handler of a verb. Boxed, since the future of one handler is many times the size of the others, and a
/// request's task is moved as a whole when it starts.
fn call_handler<'a>(
    verb: Verb,
    call: &'a Call<'_>,
    body: &'a mut Incoming,
) -> BoxFuture<'a, Result<Response, Status>> {
    let (kind, subresource) = (call.scope.resource.kind, call.scope.subresource);
    match verb {
        Verb::Create if kind == "Binding" => binding::create(call, body).boxed(),
        Verb::Create if call.scope.resource.is_review() => reviews::create(call, body).boxed(),
        Verb::Create if subresource == "binding" => binding::create(call, body).boxed(),
        Verb::Create if subresource == "eviction" => eviction::create(call, body).boxed(),
        Verb::Create if subresource == "token" => token::create(call, body).boxed(),
        _ if connect::is_connection(call) => connect::connect(call, body).boxed(),
        Verb::Create => create::create(call, body).boxed(),
        Verb::Get if kind == "ComponentStatus" => components::get(call).boxed(),
        Verb::List if kind == "ComponentStatus" => components::list(call).boxed(),
        Verb::Get => get::get(call).boxed(),
        Verb::List => list::list(call).boxed(),
        Verb::Watch => watch::watch(call).boxed(),
        Verb::Update => update::update(call, body).boxed(),
        Verb::Patch => patch::patch(call, body).boxed(),
        Verb::Delete => delete::delete(call, body).boxed(),
        Verb::DeleteCollection => delete::delete_collection(call, body).boxed(),
    }
}
