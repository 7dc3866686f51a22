//! What a request that may be carried out does: one file a verb, for all kinds.

pub mod apply;
pub mod binding;
pub mod body;
pub mod components;
pub mod connect;
pub mod create;
pub mod delete;
pub mod discovery;
pub mod document;
pub mod documents;
pub mod eviction;
pub mod get;
pub mod health;
pub mod list;
pub mod metrics;
pub mod openapi;
pub mod openid;
pub mod patch;
pub mod query;
pub mod reviews;
pub mod scale;
pub mod token;
pub mod update;
pub mod version;
pub mod watch;

use std::sync::Arc;

use axum::extract::{Extension, State};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::StatusCode;
use http::header::USER_AGENT;
use http::request::Parts;
use portcullis_api::status::{Details, Reason};
use portcullis_api::{Status, Verb};
use portcullis_rbac::Authorizer;
use portcullis_storage::Entry;
use tokio_util::sync::CancellationToken;

use self::body::{Expected, Incoming};
use self::documents::Documents;
use self::scale::Rescaled;
use crate::access::Authorized;
use crate::field_manager::update::Writer;
use crate::health::Health;
use crate::limits::in_flight::InFlight;
use crate::registry::kinds::scale::SCALE;
use crate::registry::resource::{PROXY, Resource, Subresource};
use crate::registry::table;
use crate::registry::update::Change;
use crate::registry::{Registry, Scope, WarningList};
use crate::request::{Query, RequestInfo, ResourceRequest};
use crate::response::accept::{self, Encoding, Format};
use crate::response::object::Reader;
use crate::response::table::IncludeObject;
use crate::response::{self, Response};
use crate::tokens::Tokens;

/// What the verbs work with.
pub struct Api {
    /// All objects.
    pub registry: Arc<Registry>,
    /// Who may do what.
    pub authorizer: Arc<dyn Authorizer>,
    /// The service account tokens it issues and reviews.
    pub tokens: Tokens,
    /// Whether the store answers.
    pub health: Arc<Health>,
    /// Cancelled when watches have to end.
    pub shutdown: CancellationToken,
}

/// A request for an object or a collection, on its way through a verb.
pub struct Call<'a> {
    /// What the verbs work with.
    pub api: &'a Api,
    /// What it holds until its response is sent.
    pub in_flight: &'a Arc<InFlight>,
    /// What it is about, and for whom. Never a dry run: only the query and the body say whether it is one.
    pub scope: Scope<'a>,
    /// What the URL's resource is where the scope's is only a view of it: its scale.
    pub parent: Option<&'static Resource>,
    /// The URL's meaning.
    pub info: &'a ResourceRequest,
    /// The URL's `apiVersion`.
    pub api_version: &'a str,
    /// The URL's query.
    pub query: &'a Query,
    /// Method, headers and the rest.
    pub parts: &'a Parts,
    /// What the client can read.
    pub format: Format,
}

impl<'a> Call<'a> {
    /// What a body of this request holds.
    pub fn expected(&self) -> Expected<'_> {
        let resource = self.scope.resource;
        Expected {
            kind: resource.kind,
            api_version: self.api_version,
            object_type: resource.object_type(self.api_version),
            conversion: resource.conversion(self.api_version),
        }
    }

    /// How the answer is to be written.
    ///
    /// # Errors
    /// 400 for a Table option that means nothing.
    pub fn reader(&self) -> Result<Reader<'_>, Status> {
        Ok(Reader {
            resource: self.scope.resource,
            api_version: self.api_version,
            format: self.format,
            include: IncludeObject::parse(self.query.get("includeObject"))?,
        })
    }

    /// Takes memory for a response that is to be made of these objects, if it is a large one. YAML is
    /// made by way of values, which take many times their text.
    ///
    /// # Errors
    /// 429, if other responses are not sent in time.
    pub async fn reserve_answer(&self, entries: &[Arc<Entry>]) -> Result<(), Status> {
        let size: usize = entries.iter().map(|entry| entry.value.len()).sum();
        let size = match self.format.encoding {
            Encoding::Json => size,
            Encoding::Yaml => size.saturating_mul(10),
        };
        self.in_flight.reserve_answer(size).await
    }

    /// Who writes, for the record of who set which field.
    pub fn writer(&self) -> Writer<'_> {
        let agent = self.parts.headers.get(USER_AGENT);
        let agent = agent.and_then(|v| v.to_str().ok()).unwrap_or_default();
        let manager = self.query.get("fieldManager");
        Writer::new(&self.scope, manager, agent)
    }

    /// The scope of a write.
    pub const fn writing(&self, dry_run: bool) -> Scope<'a> {
        Scope {
            dry_run,
            ..self.scope
        }
    }

    /// Carries out a change, and answers with what came of it.
    ///
    /// # Errors
    /// Whatever anything on its way objects to.
    pub async fn write(&self, dry_run: bool, change: &impl Change) -> Result<Response, Status> {
        let registry = &self.api.registry;
        let scope = self.writing(dry_run);
        let Some(parent) = self.parent else {
            let updated = registry.update(&scope, change).await?;
            let code = if updated.created {
                StatusCode::CREATED
            } else {
                StatusCode::OK
            };
            return self.answer(code, &updated.entry);
        };
        let change = Rescaled {
            call: self,
            parent,
            change,
        };
        let updated = registry.update(&scope.of(parent), &change).await?;
        let scale = scale::view(self, parent, &updated.entry)?;
        self.answer(StatusCode::OK, &scale)
    }

    /// An object as an answer.
    ///
    /// # Errors
    /// As [`Reader::object`].
    pub fn answer(&self, code: StatusCode, entry: &Entry) -> Result<Response, Status> {
        let body = self.reader()?.object(entry)?;
        Ok(response::bytes(
            code,
            self.format.encoding.content_type(),
            body,
        ))
    }
}

/// Answers whatever has no route of its own: `/api` and `/apis`, as the request was authorized.
pub async fn api(
    State(api): State<Arc<Api>>,
    State(documents): State<Arc<Documents>>,
    Extension(in_flight): Extension<Arc<InFlight>>,
    authorized: Authorized,
    parts: Parts,
    mut body: Incoming,
) -> Response {
    let info = match authorized.info() {
        RequestInfo::Path { path, .. } => return documents.serve(path, &parts),
        RequestInfo::Resource(info) => info,
    };
    let request = Asked {
        api: &api,
        in_flight: &in_flight,
        authorized: &authorized,
        parts: &parts,
    };
    let answer = resource(&request, info, &mut body).await;
    answer.unwrap_or_else(|status| response::status(&status))
}

/// A request for a resource, as extractors see it.
struct Asked<'a> {
    api: &'a Api,
    in_flight: &'a Arc<InFlight>,
    authorized: &'a Authorized,
    parts: &'a Parts,
}

async fn resource(
    asked: &Asked<'_>,
    info: &ResourceRequest,
    body: &mut Incoming,
) -> Result<Response, Status> {
    let api_version = info.api_version();
    if !table::serves_group(&info.group) {
        return Ok(response::text(
            StatusCode::NOT_FOUND,
            "404 page not found\n",
        ));
    }
    let resource =
        table::find(&api_version, &info.resource).ok_or_else(Status::no_such_resource)?;
    let subresource = find_subresource(resource, info)?;
    let verb = check_verb(resource, subresource, info)?;
    let warnings = WarningList::default();
    let scaled = subresource.is_some_and(|s| s.kind == SCALE.kind);
    let (parent, resource, api_version) = if scaled {
        (Some(resource), &SCALE, SCALE.api_version())
    } else {
        (None, resource, api_version)
    };
    let call = Call {
        api: asked.api,
        in_flight: asked.in_flight,
        parent,
        scope: Scope {
            resource,
            api_version: &api_version,
            subresource: &info.subresource,
            namespace: if resource.namespaced {
                &info.namespace
            } else {
                ""
            },
            name: &info.name,
            user: asked.authorized.user(),
            dry_run: false,
            warnings: Some(&warnings),
            trace: None,
        },
        info,
        api_version: &api_version,
        query: asked.authorized.query(),
        parts: asked.parts,
        format: accept::negotiate(&asked.parts.headers)?,
    };
    let result = carry_out(verb, &call, body).await;
    let mut answer = result.unwrap_or_else(|status| response::status(&status));
    response::warn(&mut answer, &warnings.into_inner());
    Ok(answer)
}

/// The verb's own work. On the heap, for the largest of them is many times what the others need, and
/// a request's task is moved as a whole when it begins.
fn carry_out<'a>(
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
        _ if connect::is_connection(call) => connect::connect(call).boxed(),
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

fn find_subresource(
    resource: &Resource,
    info: &ResourceRequest,
) -> Result<Option<&'static Subresource>, Status> {
    // A path that names a namespace must be of a namespaced resource, and the other way round.
    let in_namespace = !info.namespace.is_empty() && resource.plural != "namespaces";
    let misplaced = if resource.namespaced {
        info.named_in_path && !in_namespace
    } else {
        in_namespace
    };
    let passed_on = info.subresource == PROXY;
    if misplaced || !(info.rest.is_empty() || passed_on) {
        return Err(Status::no_such_resource());
    }
    match info.subresource.as_str() {
        "" => Ok(None),
        name => resource
            .subresource(name)
            .map(Some)
            .ok_or_else(Status::no_such_resource),
    }
}

/// Whether the method means something here (upstream: one route for each verb that does).
fn check_verb(
    resource: &Resource,
    subresource: Option<&Subresource>,
    info: &ResourceRequest,
) -> Result<Verb, Status> {
    let verb = info
        .verb
        .ok_or_else(|| method_not_allowed().with_details(Details::default()))?;
    let supported = match subresource {
        Some(subresource) => subresource.verbs.contains(&verb),
        None => resource.supports(verb),
    };
    let placed = match verb {
        Verb::Create if subresource.is_some() => info.named_in_path,
        // made in a namespace, not across all of them
        Verb::Create => !info.named_in_path && (!resource.namespaced || !info.namespace.is_empty()),
        Verb::DeleteCollection => !resource.namespaced || !info.namespace.is_empty(),
        Verb::Update | Verb::Patch | Verb::Delete | Verb::Get => info.named_in_path,
        Verb::List | Verb::Watch => true,
    };
    if supported && placed {
        Ok(verb)
    } else {
        Err(method_not_allowed().with_details(Details::default()))
    }
}

/// 405.
pub fn method_not_allowed() -> Status {
    Status::failure(
        Reason::MethodNotAllowed,
        "the server does not allow this method on the requested resource",
    )
}
