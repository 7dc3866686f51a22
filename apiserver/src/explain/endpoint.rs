//! POST to `/explain`: why a request is answered as it is (`--explain-decisions`).
//!
//! An explanation shows the rights of users and the contents of policies, so it is for cluster-admins, who
//! may read all of that anyway. A rule must allow the path, as for any path; beyond that the caller must be
//! allowed everything on every resource.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use portcullis_api::{Status, UserInfo};
use portcullis_rbac::{Attributes, ResourceTarget, Target};

use super::answer;
use super::explainer::Explainer;
use super::{Explanation, Question};
use crate::access::{Authorized, authorization};
use crate::endpoints::body::{self, Incoming};
use crate::response::{self, JSON, Response};

/// POST of a question.
pub async fn post(
    State(explainer): State<Arc<Explainer>>,
    authorized: Authorized,
    mut body: Incoming,
) -> Response {
    let answered = async {
        let explanation = explain(&explainer, authorized.user(), &mut body).await?;
        let json = serde_json::to_vec(&explanation).map_err(Status::internal)?;
        Ok(response::bytes(StatusCode::OK, JSON, json))
    };
    let answered: Result<_, Status> = answered.await;
    answered.unwrap_or_else(|status| response::status(&status))
}

/// Answers a question: 403 for users who are not cluster-admins, 400 for an invalid question.
async fn explain(
    explainer: &Explainer,
    asker: &UserInfo,
    body: &mut Incoming,
) -> Result<Explanation, Status> {
    let everything = ResourceTarget {
        group: "*",
        resource: "*",
        ..ResourceTarget::default()
    };
    let attributes = Attributes {
        user: asker,
        verb: "*",
        target: Target::Resource(everything),
    };
    authorization::check(explainer.authorizer.as_ref(), &attributes)?;
    let bytes = body::read(body).await?;
    let question = question(&bytes)
        .map_err(|why| Status::bad_request(format!("invalid explain request: {why}")))?;
    answer::explain(explainer, asker, question).await
}

fn question(bytes: &[u8]) -> Result<Question, String> {
    let parsed = portcullis_api::decode::parse(bytes).map_err(|error| error.to_string())?;
    serde_json::from_value(parsed.value).map_err(|error| {
        let why = error.to_string();
        // serde's errors about wrong types repeat the value, which may be a credential.
        if why.starts_with("unknown field") {
            why
        } else {
            "a field is of the wrong type".to_owned()
        }
    })
}
