//! POST to `serviceaccounts/token`: a token for an account, perhaps bound to a pod or a secret.
//!
//! Upstream: `pkg/registry/core/serviceaccount/storage/token.go`.

use http::StatusCode;
use jiff::Timestamp;
use k8s_openapi::api::authentication::v1::{
    BoundObjectReference, TokenRequest, TokenRequestSpec, TokenRequestStatus,
};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use portcullis_api::encode::TypeMeta;
use portcullis_api::field_error::go_quote;
use portcullis_api::name::path_segment;
use portcullis_api::{
    FieldError, GroupKind, GroupResource, GroupVersion, Object, ObjectType, Path, Status,
};
use portcullis_authn::service_account::{Reference, TokenBinding};
use portcullis_storage::ReadAt;
use rustls_pki_types::UnixTime;

use super::body::{self, Expected, Incoming};
use super::call::Call;
use super::create::settle_namespace;
use crate::response::{self, Response};
use portcullis_kinds::resource::Resource;
use portcullis_kinds::table;
use portcullis_registry::codec;

static TOKEN_REQUEST: ObjectType = ObjectType::of::<TokenRequest>();
const TYPE: TypeMeta<'_> = TypeMeta {
    api_version: "authentication.k8s.io/v1",
    kind: "TokenRequest",
};
const GROUP_KIND: GroupKind<'_> = GroupKind {
    group: "authentication.k8s.io",
    kind: "TokenRequest",
};

/// The default lifetime of tokens, in seconds.
const LIFETIME: i64 = 60 * 60;
/// The shortest and the longest lifetime.
const SHORTEST: i64 = 10 * 60;
const LONGEST: i64 = 1 << 32;
/// The lifetime that admission requests for pods, and the one that they get: programs that read their token
/// once keep working for a year (upstream: `WarnOnlyBoundTokenExpirationPeriod`,
/// `ExpirationExtensionSeconds`).
const OF_PODS: i64 = 60 * 60 + 7;
const EXTENDED: i64 = 365 * 24 * 60 * 60;

/// Issues a token. A dry run does the same: nothing is stored either way.
///
/// # Errors
/// 404 for an account or a bound object that does not exist; 422 for a lifetime out of bounds, 409 for a
/// bound object with another uid.
pub async fn create(call: &Call<'_>, body: &mut Incoming) -> Result<Response, Status> {
    let (dry_run, validation) = call.query.write_options("CreateOptions")?;
    let bytes = body::read(body).await?;
    let expected = Expected {
        kind: TYPE.kind,
        api_version: TYPE.api_version,
        reader: body::Reader::Type(&TOKEN_REQUEST),
    };
    let read = call.read(&bytes, expected, validation)?;
    let request = of_kind(read.object.as_ref())?;
    let (request, account) = completed(call, request).await?;
    let admitted = call
        .api
        .registry
        .admit_action(
            &call.writing(dry_run),
            GROUP_KIND,
            &TOKEN_REQUEST,
            Box::new(request),
        )
        .await?;
    let mut request = of_kind::<TokenRequest>(admitted.as_ref())?;
    let mut warnings = read.warnings;
    let spec = request.spec.get_or_insert_default();
    let binding = bound(call, spec, account).await?;
    warnings.extend(shortened(call, spec));
    request.status = Some(issued(call, spec, binding)?);
    let json = request.encode(TYPE);
    let body = response::object::encode(json, call.format.encoding)?;
    let content_type = call.format.encoding.content_type();
    let mut response = response::bytes(StatusCode::CREATED, content_type, body);
    response::warn(&mut response, &warnings);
    Ok(response)
}

/// The validated request with its defaults, and its account.
async fn completed(
    call: &Call<'_>,
    mut request: TokenRequest,
) -> Result<(TokenRequest, Reference), Status> {
    let (namespace, name) = (call.scope.namespace, call.scope.name);
    let metadata = &mut request.metadata;
    settle_namespace(metadata, namespace)?;
    must_match(metadata.name.as_deref(), name)?;
    let account = find(call, table::SERVICE_ACCOUNTS, name).await?;
    metadata.name = Some(name.to_owned());
    metadata.creation_timestamp = Some(portcullis_kinds::time::now());
    request.status = None;
    let spec = request.spec.get_or_insert_default();
    if spec.audiences.as_ref().is_none_or(Vec::is_empty) {
        spec.audiences = Some(call.api.tokens.audiences.clone());
    }
    spec.expiration_seconds.get_or_insert(LIFETIME);
    validate(spec)?;
    Ok((request, reference(account.metadata())))
}

/// Name and namespace of the account are optional in a body.
fn must_match(given: Option<&str>, account: &str) -> Result<(), Status> {
    match given.filter(|given| !given.is_empty() && *given != account) {
        None => Ok(()),
        Some(given) => {
            let path = Path::new("metadata").child("name");
            let detail = "must match the service account name if specified";
            let error = FieldError::invalid(&path, given, detail);
            Err(Status::invalid(GROUP_KIND, account, &[error]))
        }
    }
}

/// Upstream: `ValidateTokenRequest`.
fn validate(spec: &TokenRequestSpec) -> Result<(), Status> {
    let seconds = spec.expiration_seconds.unwrap_or(LIFETIME);
    let detail = if seconds < SHORTEST {
        "may not specify a duration less than 10 minutes"
    } else if seconds > LONGEST {
        "may not specify a duration larger than 2^32 seconds"
    } else {
        return Ok(());
    };
    let path = Path::new("spec").child("expirationSeconds");
    let error = FieldError::invalid(&path, seconds, detail);
    Err(Status::invalid(GROUP_KIND, "", &[error]))
}

/// The claims of a token.
async fn bound(
    call: &Call<'_>,
    spec: &TokenRequestSpec,
    account: Reference,
) -> Result<TokenBinding, Status> {
    let mut binding = TokenBinding {
        namespace: call.scope.namespace.to_owned(),
        serviceaccount: account,
        ..TokenBinding::default()
    };
    if let Some(to) = &spec.bound_object_ref {
        bind(call, &mut binding, to).await?;
    }
    Ok(binding)
}

/// Shortens a lifetime to the longest that this server allows; returns a warning.
fn shortened(call: &Call<'_>, spec: &mut TokenRequestSpec) -> Option<String> {
    let asked = spec.expiration_seconds.unwrap_or(LIFETIME);
    let longest = call.api.tokens.lifetimes.longest;
    let longest = longest.filter(|longest| asked > *longest)?;
    spec.expiration_seconds = Some(longest);
    Some(format!(
        "requested expiration of {asked} seconds shortened to {longest} seconds"
    ))
}

fn issued(
    call: &Call<'_>,
    spec: &TokenRequestSpec,
    mut binding: TokenBinding,
) -> Result<TokenRequestStatus, Status> {
    let tokens = &call.api.tokens;
    let audiences = spec.audiences.as_deref().unwrap_or_default();
    let seconds = |lifetime| u64::try_from(lifetime).unwrap_or_default();
    let asked = spec.expiration_seconds.unwrap_or(LIFETIME);
    let ours = audiences.iter().all(|a| tokens.audiences.contains(a));
    let extend = tokens.lifetimes.extend && binding.pod.is_some() && asked == OF_PODS && ours;
    let now = UnixTime::now();
    let end = now.as_secs().saturating_add(seconds(asked));
    if extend {
        binding.warnafter = Some(end.into());
    }
    let lifetime = seconds(if extend { EXTENDED } else { asked });
    let issuer = tokens.issuer.current();
    let token = issuer
        .issue(&binding, audiences, now, lifetime)
        .map_err(|error| Status::internal(format!("failed to generate token: {error}")))?;
    // The client gets the requested time, so that it renews the token by then.
    let end = i64::try_from(end).unwrap_or(i64::MAX);
    Ok(TokenRequestStatus {
        token: Some(token),
        expiration_timestamp: Some(Time(Timestamp::from_second(end).map_err(Status::internal)?)),
    })
}

/// Binds to a pod that runs as the account, or to a secret.
async fn bind(
    call: &Call<'_>,
    binding: &mut TokenBinding,
    to: &BoundObjectReference,
) -> Result<(), Status> {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let (api_version, kind, name) = (text(&to.api_version), text(&to.kind), text(&to.name));
    let GroupVersion { group, version } = GroupVersion::parse(&api_version);
    let bound = match (group, kind.as_str()) {
        ("", "Pod") => {
            let found = find(call, table::PODS, &name).await?;
            let pod: Pod = of_kind(found.as_ref())?;
            let runs_as = pod.spec.and_then(|spec| spec.service_account_name);
            let account = call.scope.name;
            if runs_as.as_deref() != Some(account) {
                return Err(Status::bad_request(format!(
                    "cannot bind token for serviceaccount {account:?} to pod running with different serviceaccount name."
                )));
            }
            binding.pod.insert(reference(&pod.metadata))
        }
        ("", "Secret") => {
            let found = find(call, table::SECRETS, &name).await?;
            binding.secret.insert(reference(found.metadata()))
        }
        _ => {
            return Err(Status::bad_request(format!(
                "cannot bind token to object of type {group}/{version}, Kind={kind}"
            )));
        }
    };
    let uid = text(&to.uid);
    if !uid.is_empty() && bound.uid != uid {
        let resource = GroupResource {
            group,
            resource: &kind,
        };
        let why = format!(
            "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have been deleted and then recreated"
        );
        return Err(Status::conflict(resource, &name, &why));
    }
    Ok(())
}

/// An object in the account's namespace (upstream: `NamespaceKeyFunc`).
async fn find(call: &Call<'_>, resource: &Resource, name: &str) -> Result<Box<dyn Object>, Status> {
    if name.is_empty() {
        return Err(Status::bad_request("Name parameter required."));
    }
    let wrong = path_segment(name);
    if !wrong.is_empty() {
        let wrong = wrong.join(";");
        let why = format!("Name parameter invalid: {}: {wrong}", go_quote(name));
        return Err(Status::bad_request(why));
    }
    let scope = portcullis_registry::Scope {
        resource,
        subresource: "",
        ..call.scope
    };
    let scope = scope.named(call.scope.namespace, name);
    let entry = call.api.registry.get(&scope, ReadAt::Latest).await?;
    codec::object(resource, &entry)
}

fn of_kind<K: Clone + 'static>(object: &dyn Object) -> Result<K, Status> {
    let found = object.as_kind::<K>().cloned();
    found.ok_or_else(|| Status::internal("an object is not of its own kind"))
}

fn reference(metadata: &ObjectMeta) -> Reference {
    Reference {
        name: metadata.name.clone().unwrap_or_default(),
        uid: metadata.uid.clone().unwrap_or_default(),
    }
}
