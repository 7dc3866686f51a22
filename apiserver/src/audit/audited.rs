//! A request that is audited, from its authentication until its response is complete.
//!
//! Upstream: `AuditContext` in `k8s.io/apiserver/pkg/audit`, `WithAudit` in `pkg/endpoints/filters`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http_body::Body as _;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use parking_lot::Mutex;
use portcullis_admission::AuditAnnotations;
use portcullis_api::{Status, UserInfo, Verb};

use super::auditor::Auditor;
use super::event::{Event, Moment};
use super::facts::Facts;
use super::followed::Followed;
use super::latency::{self, IdentifiedIn, Latencies};
use super::noted::{Noted, ObjectNames, Outcome};
use super::policy::{Level, Stage, Verdict};
use crate::limits::is_long_running;
use crate::request::{Described, RequestInfo};
use crate::response::{self, JSON, Response};

/// A request that is audited; an extension of it.
pub struct Audited {
    auditor: Arc<Auditor>,
    verdict: Verdict,
    facts: Facts,
    noted: Mutex<Noted>,
    annotations: AuditAnnotations,
    latencies: Arc<Latencies>,
}

impl Audited {
    /// Starts auditing a request if the policy says so. Without a user the request is unauthenticated.
    pub fn begin(auditor: &Arc<Auditor>, request: &Request) -> Option<Arc<Self>> {
        let extensions = request.extensions();
        let described = extensions.get::<Arc<Described>>()?;
        let user = extensions.get::<UserInfo>();
        let verdict = auditor.policy().verdict(&described.info, user);
        auditor.metrics().level(verdict.level);
        if verdict.level == Level::None {
            return None;
        }
        let latencies = Latencies::default();
        if let Some(IdentifiedIn(time)) = extensions.get() {
            latencies.add(latency::Stage::Authentication, *time);
        }
        Some(Arc::new(Self {
            auditor: auditor.clone(),
            verdict,
            facts: Facts::of(request, described.clone()),
            noted: Mutex::default(),
            annotations: AuditAnnotations::default(),
            latencies: Arc::new(latencies),
        }))
    }

    /// The annotations that handlers add.
    pub const fn annotations(&self) -> &AuditAnnotations {
        &self.annotations
    }

    /// The time that the request spends in each stage.
    pub const fn latencies(&self) -> &Arc<Latencies> {
        &self.latencies
    }

    /// Notes the impersonated user.
    pub fn acts_as(&self, other: &UserInfo) {
        self.noted.lock().impersonated = Some(other.clone());
    }

    /// Notes the name of the request's object.
    pub fn names(&self, metadata: &ObjectMeta) {
        self.noted.lock().object = ObjectNames::from(metadata);
    }

    /// Notes the object of the request, or the fields that stand for one, as JSON; `json` is called only if
    /// it is recorded.
    pub fn request(&self, json: impl FnOnce() -> Bytes) {
        if self.verdict.level >= Level::Request {
            self.noted.lock().request = Some(json());
        }
    }
}

/// The stages of the request.
impl Audited {
    /// It has been received. False if it must not be served, because that could not be recorded.
    pub async fn received(&self) -> bool {
        let goes_on = self.record(Stage::RequestReceived).await;
        if !goes_on {
            self.auditor.metrics().rejected();
        }
        goes_on
    }

    /// It has a response, which is followed to its end if it is streamed.
    pub async fn answered(self: Arc<Self>, response: Response) -> Response {
        let is_whole = response.body().size_hint().exact().is_some();
        let response = self.note_outcome(response).await;
        if is_long_running(&self.facts.described.info) {
            self.record(Stage::ResponseStarted).await;
        }
        if is_whole {
            self.record(Stage::ResponseComplete).await;
            return response;
        }
        response.map(|body| Body::new(Followed::new(body, move || self.ended())))
    }

    /// It is unauthenticated, and rejected.
    pub async fn rejected(&self, response: Response) -> Response {
        let response = self.note_outcome(response).await;
        self.record(Stage::ResponseStarted).await;
        response
    }

    /// Its handler panicked.
    pub async fn panicked(&self, why: &str) {
        self.noted.lock().outcome = Outcome::panicked(why);
        self.record(Stage::Panic).await;
    }

    /// It was given up before there was a response; the outcome replaces one.
    pub fn abandoned(&self, outcome: Outcome) {
        self.noted.lock().outcome = outcome;
        if is_long_running(&self.facts.described.info) {
            self.leave(Stage::ResponseStarted);
        }
        self.leave(Stage::ResponseComplete);
    }

    /// A streamed response is complete, or no longer read.
    pub fn ended(&self) {
        self.leave(Stage::ResponseComplete);
    }

    async fn note_outcome(&self, response: Response) -> Response {
        let (response, body) = if self.reads(&response) {
            read(response).await
        } else {
            (response, None)
        };
        let code = response.status();
        let is_json = response.headers().get(CONTENT_TYPE);
        let is_json = is_json.is_some_and(|t| t.as_bytes().starts_with(JSON.as_bytes()));
        let mut noted = self.noted.lock();
        noted.outcome = Outcome::of(code, body.as_ref());
        if self.verdict.level == Level::RequestResponse {
            noted.response = body.and_then(|body| self.as_object(body, is_json));
        }
        response
    }

    /// Whether the response may be a Status, or is recorded.
    fn reads(&self, response: &Response) -> bool {
        let is_read = match &self.facts.described.info {
            RequestInfo::Resource(r) => r.verb.is_none_or(Verb::is_read_only),
            RequestInfo::Path { .. } => true,
        };
        let may_be_status = !response.status().is_success() || !is_read;
        let recorded = self.verdict.level == Level::RequestResponse;
        (may_be_status || recorded) && response.body().size_hint().exact().is_some()
    }

    /// The object of a response; a response without a resource has none, unless it is a Status.
    fn as_object(&self, body: Bytes, is_json: bool) -> Option<Bytes> {
        let about = matches!(self.facts.described.info, RequestInfo::Resource(_));
        match is_json {
            true if about || Outcome::is_status(&body) => Some(body),
            true => None,
            false => {
                let text = std::str::from_utf8(&body).ok().filter(|_| about)?;
                let value: serde_json::Value = serde_saphyr::from_str(text).ok()?;
                value.is_object().then(|| value.to_string().into())
            }
        }
    }

    async fn record(&self, stage: Stage) -> bool {
        match self.event(stage) {
            Some(event) => {
                let is_first = stage == Stage::RequestReceived;
                self.auditor.take(event, is_first).await
            }
            None => true,
        }
    }

    fn leave(&self, stage: Stage) {
        if let Some(event) = self.event(stage) {
            self.auditor.leave(&event);
        }
    }

    fn event(&self, stage: Stage) -> Option<Event> {
        if self.verdict.omitted.contains(stage) {
            return None;
        }
        let received = self.facts.id.received;
        let at = match stage {
            Stage::RequestReceived => received,
            _ => Timestamp::now(),
        };
        let mut annotations = self.annotations.to_map();
        if stage == Stage::ResponseComplete {
            // the clock may have been set back
            let total = Duration::try_from(at.duration_since(received)).unwrap_or_default();
            let webhooks = self.annotations.webhook_times();
            annotations.extend(self.latencies.annotations(total, webhooks));
        }
        let noted = self.noted.lock();
        let moment = Moment {
            stage,
            at,
            verdict: self.verdict,
            facts: &self.facts,
            noted: &noted,
            annotations,
        };
        Some(moment.event(self.auditor.wants_legacy()))
    }
}

/// A response and its body, which it shares.
async fn read(response: Response) -> (Response, Option<Bytes>) {
    let (head, body) = response.into_parts();
    match response::collect(body).await {
        Ok(body) => {
            let response = Response::from_parts(head, Body::from(body.clone()));
            (response, Some(body))
        }
        // such as one of another server, which has broken off
        Err(error) => {
            let status = Status::internal(error);
            let mut response = response::status(&status);
            *response.extensions_mut() = head.extensions;
            (response, Some(status.to_json().into()))
        }
    }
}
