//! Reviews of access and identities: answered, not stored.
//!
//! Upstream: `pkg/registry/authorization`.

mod authentication;

use http::StatusCode;
use k8s_openapi::api::authorization::v1::{
    LocalSubjectAccessReview, NonResourceAttributes, ResourceAttributes, SelfSubjectAccessReview,
    SelfSubjectRulesReview, SubjectAccessReview, SubjectAccessReviewSpec,
    SubjectAccessReviewStatus,
};
use portcullis_api::{GroupKind, Object, Status, UserInfo};
use portcullis_rbac::{Attributes, Authorizer, Decided, Decision, ResourceTarget, Target};
use portcullis_storage::Entry;

use super::body::{self, Incoming};
use super::call::Call;
use super::create::settle_namespace;
use crate::response::Response;
use crate::response::accept::{Form, not_acceptable};
use portcullis_registry::codec;

/// Answers a review.
///
/// # Errors
/// 400 for a malformed review, 422 for one without a question.
pub async fn create(call: &Call<'_>, body: &mut Incoming) -> Result<Response, Status> {
    if let Form::Table(_) = call.format.form {
        // upstream has no columns for what is not stored
        return Err(not_acceptable());
    }
    let (_, validation) = call.query.write_options("CreateOptions")?;
    let bytes = body::read(body).await?;
    let read = call.read(&bytes, call.expected(), validation)?;
    let mut object = read.object;
    let resource = call.scope.resource;
    settle_namespace(object.metadata_mut(), call.scope.namespace)?;
    let writer = call.writer().emptying(&read.empty);
    writer.created(object.as_mut()).await;
    let errors = resource.strategy.validate(object.as_ref());
    if !errors.is_empty() {
        // as upstream, without a kind and a name
        let kind = GroupKind {
            kind: "",
            ..resource.group_kind()
        };
        return Err(Status::invalid(kind, "", &errors));
    }
    answer(call, object.as_mut()).await?;
    authentication::answer(&call.api.tokens, call.scope.user, object.as_mut()).await?;
    call.scope.warn(read.warnings);
    let entry = Entry::new("", codec::encode(resource, object), 0);
    call.respond(StatusCode::CREATED, &entry)
}

async fn answer(call: &Call<'_>, review: &mut dyn Object) -> Result<(), Status> {
    let (authorizer, user) = (call.api.authorizer.as_ref(), call.scope.user);
    if let Some(review) = review.as_kind_mut::<SelfSubjectAccessReview>() {
        let (resource, path) = (
            review.spec.resource_attributes.as_ref(),
            review.spec.non_resource_attributes.as_ref(),
        );
        review.status = Some(decide(authorizer, user, resource, path).await);
    } else if let Some(review) = review.as_kind_mut::<SubjectAccessReview>() {
        review.status = Some(decide_for(authorizer, &review.spec).await);
    } else if let Some(review) = review.as_kind_mut::<LocalSubjectAccessReview>() {
        review.status = Some(decide_for(authorizer, &review.spec).await);
    } else if let Some(review) = review.as_kind_mut::<SelfSubjectRulesReview>() {
        let namespace = review.spec.namespace.as_deref().unwrap_or_default();
        if namespace.is_empty() {
            return Err(Status::bad_request("no namespace on request"));
        }
        // The response does not repeat the spec (upstream: `selfsubjectrulesreview/rest.go`).
        *review = SelfSubjectRulesReview {
            status: Some(authorizer.rules(user, namespace)),
            ..SelfSubjectRulesReview::default()
        };
    }
    Ok(())
}

async fn decide_for(
    authorizer: &dyn Authorizer,
    spec: &SubjectAccessReviewSpec,
) -> SubjectAccessReviewStatus {
    let user = UserInfo {
        name: spec.user.clone().unwrap_or_default(),
        uid: spec.uid.clone().unwrap_or_default(),
        groups: spec.groups.clone().unwrap_or_default(),
        extra: spec.extra.clone().unwrap_or_default(),
    };
    decide(
        authorizer,
        &user,
        spec.resource_attributes.as_ref(),
        spec.non_resource_attributes.as_ref(),
    )
    .await
}

async fn decide(
    authorizer: &dyn Authorizer,
    user: &UserInfo,
    resource: Option<&ResourceAttributes>,
    path: Option<&NonResourceAttributes>,
) -> SubjectAccessReviewStatus {
    let authorize = async |verb: &Option<String>, target| {
        let verb = verb.as_deref().unwrap_or_default();
        let asked = Attributes { user, verb, target };
        status(authorizer.decide(&asked).await)
    };
    match (resource, path) {
        (Some(r), _) => {
            let target = ResourceTarget {
                group: r.group.as_deref().unwrap_or_default(),
                version: r.version.as_deref().unwrap_or_default(),
                resource: r.resource.as_deref().unwrap_or_default(),
                subresource: r.subresource.as_deref().unwrap_or_default(),
                namespace: r.namespace.as_deref().unwrap_or_default(),
                name: r.name.as_deref().unwrap_or_default(),
            };
            authorize(&r.verb, Target::Resource(target)).await
        }
        (None, Some(p)) => {
            let path = p.path.as_deref().unwrap_or_default();
            authorize(&p.verb, Target::Path(path)).await
        }
        // validation rejects such a review
        (None, None) => status(Decided::from(Decision::NoOpinion {
            reason: String::new(),
        })),
    }
}

fn status(decided: Decided) -> SubjectAccessReviewStatus {
    let (allowed, denied, reason) = match decided.decision {
        Decision::Allow { reason } => (true, None, reason),
        Decision::Deny { reason } => (false, Some(true), reason),
        Decision::NoOpinion { reason } => (false, None, reason),
    };
    SubjectAccessReviewStatus {
        allowed,
        denied,
        reason: Some(reason).filter(|r| !r.is_empty()),
        evaluation_error: decided.error,
    }
}
