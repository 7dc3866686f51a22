//! POST to `/explain`: why a request is answered as it is (`--explain-decisions`).
//!
//! An explanation tells who has which rights and what policies say: it is for those who may read all
//! of that anyway, cluster-admins. Reaching the path takes a rule for it, like any path; beyond that
//! the asker must be allowed everything on every resource.

use http::request::Parts;
use http::{Method, StatusCode};
use portcullis_api::{Status, UserInfo};
use portcullis_rbac::{Attributes, ResourceTarget, Target};

use super::body::{self, Incoming};
use crate::app::App;
use crate::explain::{PATH, Question, answer};
use crate::filters::authorization;
use crate::response::{self, JSON, Response};

/// Whether a request is a question, and this server answers any.
pub fn is_asked(app: &App, parts: &Parts, path: &str) -> bool {
    app.explains_decisions() && path == PATH && parts.method == Method::POST
}

/// Answers a question.
///
/// # Errors
/// 403 for anybody but a cluster-admin, 400 for what is no question.
pub async fn serve(app: &App, asker: &UserInfo, body: &mut Incoming) -> Result<Response, Status> {
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
    authorization::check(app, &attributes)?;
    let bytes = body::read(body).await?;
    let question = question(&bytes)
        .map_err(|why| Status::bad_request(format!("the question cannot be read: {why}")))?;
    let explanation = answer::explain(app, asker, question).await?;
    let json = serde_json::to_vec(&explanation).map_err(Status::internal)?;
    Ok(response::bytes(StatusCode::OK, JSON, json))
}

fn question(bytes: &[u8]) -> Result<Question, String> {
    let parsed = portcullis_api::decode::parse(bytes).map_err(|error| error.to_string())?;
    serde_json::from_value(parsed.value).map_err(|error| {
        let why = error.to_string();
        // What serde says of wrong types repeats the value, which may be a credential.
        if why.starts_with("unknown field") {
            why
        } else {
            "a field is of the wrong type".to_owned()
        }
    })
}
