//! The user of the request: credentials and impersonation.

use std::collections::BTreeMap;

use http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderMap, HeaderName, HeaderValue};
use portcullis_api::{Status, UserInfo};
use portcullis_authn::{self as authn, Authenticator, Credentials, Outcome, Step};
use portcullis_rbac::Authorizer;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::{Authentication, AuthenticatorStep, Impersonation, Question, User, authorization};
use crate::access::impersonation;

/// A request's credentials.
pub struct Shown {
    path: String,
    headers: HeaderMap,
    certificates: Vec<CertificateDer<'static>>,
}

impl Shown {
    /// The credentials of a question.
    ///
    /// # Errors
    /// 400 for an invalid header or certificate. Values are not repeated: they are secret.
    pub fn of(question: &Question) -> Result<Self, Status> {
        let certificates = CertificateDer::pem_slice_iter(question.certificates.as_bytes());
        let certificates = certificates
            .collect::<Result<_, _>>()
            .map_err(|_| Status::bad_request("certificates: not PEM"))?;
        Ok(Self {
            path: question.path.clone(),
            headers: headers(&question.headers)?,
            certificates,
        })
    }

    /// Whether there are no credentials at all.
    fn is_empty(&self) -> bool {
        let shows = |name: HeaderName| self.headers.contains_key(name);
        self.certificates.is_empty() && !shows(AUTHORIZATION) && !shows(SEC_WEBSOCKET_PROTOCOL)
    }

    /// The user of the credentials; `asker`, if there are none.
    pub async fn authenticate(
        &self,
        authenticator: &dyn Authenticator,
        asker: &UserInfo,
    ) -> (Authentication, Result<UserInfo, Status>) {
        if self.is_empty() {
            let authentication = Authentication {
                asked: Vec::new(),
                user: Some(asker.into()),
            };
            return (authentication, Ok(asker.clone()));
        }
        let trace = authn::Trace::default();
        let credentials = Credentials {
            path: &self.path,
            headers: &self.headers,
            peer_certificates: &self.certificates,
            trace: Some(&trace),
        };
        let decided = match authenticator.authenticate(&credentials).await {
            Ok(Outcome::Identified(user)) => Ok(user),
            Ok(Outcome::NotMine) | Err(_) => Err(Status::unauthorized()),
        };
        let authentication = Authentication {
            asked: trace.into_steps().into_iter().map(asked).collect(),
            user: decided.as_ref().ok().map(User::from),
        };
        (authentication, decided)
    }

    /// The user that the caller impersonates, and the user whose request is explained from here on.
    pub async fn impersonate(
        &self,
        authorizer: &dyn Authorizer,
        user: &UserInfo,
    ) -> (Option<Impersonation>, Result<UserInfo, Status>) {
        let decided = impersonation::impersonate_async(authorizer, user, &self.headers).await;
        let decided = decided.map(|other| other.unwrap_or_else(|| user.clone()));
        let Ok(Some(wish)) = authn::Impersonation::requested(&self.headers) else {
            return (None, decided);
        };
        let mut needs = Vec::new();
        for need in &wish.needs {
            let attributes = impersonation::attributes(user, need);
            needs.push(authorization::explain(authorizer, &attributes).await);
        }
        let explained = Impersonation {
            user: (&wish.user).into(),
            needs,
        };
        (Some(explained), decided)
    }
}

fn headers(named: &BTreeMap<String, Vec<String>>) -> Result<HeaderMap, Status> {
    let mut headers = HeaderMap::new();
    for (name, values) in named {
        let wrong = |what: &str| Status::bad_request(format!("headers[{name}]: not {what}"));
        let header = HeaderName::from_bytes(name.as_bytes());
        let header = header.map_err(|_| wrong("the name of a header"))?;
        for value in values {
            let mut value = HeaderValue::from_bytes(value.as_bytes())
                .map_err(|_| wrong("the value of a header"))?;
            value.set_sensitive(true);
            headers.append(header.clone(), value);
        }
    }
    Ok(headers)
}

fn asked(step: Step) -> AuthenticatorStep {
    let (identified, refused) = match step.outcome {
        Ok(Outcome::Identified(user)) => (Some(User::from(&user)), None),
        Ok(Outcome::NotMine) => (None, None),
        Err(error) => (None, Some(error.to_string())),
    };
    AuthenticatorStep {
        by: step.method.to_owned(),
        identified,
        refused,
    }
}

impl From<&UserInfo> for User {
    fn from(user: &UserInfo) -> Self {
        Self {
            name: user.name.clone(),
            uid: user.uid.clone(),
            groups: user.groups.clone(),
            extra: user.extra.clone(),
        }
    }
}
