//! The facts about a request that become known while it is served.

use bytes::Bytes;
use http::StatusCode;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::status::Reason;
use portcullis_api::{Status, UserInfo};

/// The beginning of a Status that is a whole response.
const STATUS: &[u8] = b"{\"kind\":\"Status\",\"apiVersion\":\"v1\",";

/// The facts so far.
#[derive(Debug, Default)]
pub struct Noted {
    /// The impersonated user.
    pub impersonated: Option<UserInfo>,
    /// The names of the request's object.
    pub object: ObjectNames,
    /// The object of the request, as JSON.
    pub request: Option<Bytes>,
    /// How the request ended.
    pub outcome: Outcome,
    /// The object of the response, as JSON.
    pub response: Option<Bytes>,
}

impl Noted {
    /// The size of the objects in bytes.
    pub fn size(&self) -> usize {
        let objects = self.request.iter().chain(&self.response);
        objects.map(Bytes::len).sum()
    }
}

/// The names of an object.
#[derive(Debug, Default)]
pub struct ObjectNames {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// The version that the client expects.
    pub resource_version: String,
}

impl From<&ObjectMeta> for ObjectNames {
    fn from(metadata: &ObjectMeta) -> Self {
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        Self {
            namespace: text(&metadata.namespace),
            name: text(&metadata.name),
            uid: text(&metadata.uid),
            resource_version: text(&metadata.resource_version),
        }
    }
}

/// The result of a request.
#[derive(Debug, Default)]
pub enum Outcome {
    /// None yet.
    #[default]
    Open,
    /// A response that is not a Status.
    Code(StatusCode),
    /// A Status, whose JSON is the response.
    Said(StatusCode, Bytes),
    /// No response; this Status replaces it.
    Instead(Status),
}

impl Outcome {
    /// The outcome of a response. `body` is all of it, if it is buffered.
    pub fn of(code: StatusCode, body: Option<&Bytes>) -> Self {
        match body.filter(|body| Self::is_status(body)) {
            Some(body) => Self::Said(code, body.clone()),
            None => Self::Code(code),
        }
    }

    /// Whether a body is a Status.
    pub fn is_status(body: &[u8]) -> bool {
        body.starts_with(STATUS)
    }

    /// The client disconnected before there was a response.
    pub fn gone() -> Self {
        let mut status = Status::success(Default::default());
        status.details = None;
        "Connection closed early".clone_into(&mut status.message);
        Self::Instead(status)
    }

    /// The handler panicked.
    pub fn panicked(why: &str) -> Self {
        let why = format!("APIServer panic'd: {why}");
        Self::Instead(Status::failure(Reason::InternalError, why))
    }

    /// The code of the response.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Open => None,
            Self::Code(code) | Self::Said(code, _) => Some(code.as_u16()),
            Self::Instead(status) => Some(status.code),
        }
    }

    /// As JSON: a Status without its type.
    pub fn as_status(&self) -> Option<Bytes> {
        match self {
            Self::Open => None,
            Self::Code(code) => {
                let code = code.as_u16();
                Some(format!("{{\"metadata\":{{}},\"code\":{code}}}").into())
            }
            Self::Said(code, body) => Some(without_type(body, code.as_u16())),
            Self::Instead(status) => Some(without_type(&status.to_json(), status.code)),
        }
    }
}

/// The fields of a Status, with its code, which a response leaves out on success.
fn without_type(status: &[u8], code: u16) -> Bytes {
    let fields = status.strip_prefix(STATUS).unwrap_or_default();
    let fields = fields.trim_ascii();
    let code = format!("\"code\":{code}}}");
    if fields.ends_with(code.as_bytes()) {
        return [b"{", fields].concat().into();
    }
    let fields = fields.strip_suffix(b"}").unwrap_or_default();
    [b"{", fields, b",", code.as_bytes()].concat().into()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_outcome_is_the_status_of_the_response() {
        let status_of = |outcome: Outcome| -> Value {
            serde_json::from_slice(&outcome.as_status().unwrap()).unwrap()
        };
        let mut body = Status::bad_request("no").to_json();
        body.push(b'\n');
        let said = Outcome::of(StatusCode::BAD_REQUEST, Some(&body.into()));
        assert_eq!(said.code(), Some(400));
        assert_eq!(
            status_of(said),
            json!({"metadata": {}, "status": "Failure", "message": "no", "reason": "BadRequest", "code": 400})
        );
        let pod = Bytes::from_static(b"{\"kind\":\"Pod\"}");
        let got = Outcome::of(StatusCode::OK, Some(&pod));
        assert_eq!(status_of(got), json!({"metadata": {}, "code": 200}));
        assert_eq!(
            status_of(Outcome::gone()),
            json!({"metadata": {}, "status": "Success", "message": "Connection closed early", "code": 200})
        );
        assert_eq!(
            status_of(Outcome::panicked("boom")),
            json!({"metadata": {}, "status": "Failure", "message": "APIServer panic'd: boom", "reason": "InternalError", "code": 500})
        );
        assert!(Outcome::Open.as_status().is_none());
    }
}
