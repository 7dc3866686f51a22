//! A request for a resource, as its verb's handler gets it.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use http::header::USER_AGENT;
use http::request::Parts;
use portcullis_api::Status;
use portcullis_storage::Entry;
use portcullis_storage::turn::Turn;

use super::api::Api;
use super::body::{self, Expected, Read};
use super::query::FieldValidation;
use crate::audit::Audited;
use crate::limits::in_flight::InFlight;
use crate::request::{Query, ResourceRequest};
use crate::response::accept::{Encoding, Form, Format};
use crate::response::object::{Reader, Shape};
use crate::response::table::IncludeObject;
use crate::response::{self, Response, list};
use portcullis_kinds::resource::Resource;
use portcullis_kinds::shared::ResourceRef;
use portcullis_registry::Scope;
use portcullis_registry::collection::List;
use portcullis_registry::field_manager::update::Writer;

/// A request for an object or a collection, on its way through a verb.
pub struct Call<'a> {
    /// The parts that verbs use.
    pub api: &'a Api,
    /// The permit and memory that the request holds until its response is sent.
    pub in_flight: &'a Arc<InFlight>,
    /// The target and the user. Whether the request is a dry run is not in it yet: the query and the body say so.
    pub scope: Scope<'a>,
    /// The resource in the URL, if the scope has another one: for a scale, the resource that is scaled.
    pub parent: Option<&'a Resource>,
    /// The row of the URL's resource, for what outlasts the call.
    pub row: &'a ResourceRef,
    /// The URL's meaning.
    pub info: &'a ResourceRequest,
    /// The URL's `apiVersion`.
    pub api_version: &'a str,
    /// The URL's query.
    pub query: &'a Query,
    /// Method, headers and the rest.
    pub parts: &'a Parts,
    /// The format of the response.
    pub format: Format,
    /// The request's audit record, if it is audited.
    pub audited: Option<&'a Audited>,
}

impl<'a> Call<'a> {
    /// The expected content of the request's body.
    pub fn expected(&self) -> Expected<'_> {
        let resource = self.scope.resource;
        Expected {
            kind: resource.kind,
            api_version: self.api_version,
            reader: body::Reader::Resource(resource),
        }
    }

    /// The object in a body of this request.
    ///
    /// # Errors
    /// As [`body::object`].
    pub fn read(
        &self,
        bytes: &Bytes,
        expected: Expected<'_>,
        validation: FieldValidation,
    ) -> Result<Read, Status> {
        let media_type = body::media_type(&self.parts.headers);
        let (read, value) = body::object(bytes, media_type, expected, validation)?;
        if let Some(audited) = self.audited {
            audited.names(read.object.metadata());
            audited.request(|| match value {
                Some(value) if !matches!(media_type, "" | response::JSON) => {
                    value.to_string().into()
                }
                _ => bytes.clone(),
            });
        }
        Ok(read)
    }

    /// Notes a body that is not an object, as JSON, for the audit log.
    pub fn note(&self, json: impl FnOnce() -> Bytes) {
        if let Some(audited) = self.audited {
            audited.request(json);
        }
    }

    /// The format of the response.
    ///
    /// # Errors
    /// 400 for an invalid Table option.
    pub fn reader(&self) -> Result<Reader<'_>, Status> {
        Ok(Reader {
            resource: self.scope.resource,
            api_version: self.api_version,
            format: self.format,
            include: self.include()?,
            has_columns: true,
        })
    }

    /// The format of a response that outlasts the call, and contains the URL's resource.
    ///
    /// # Errors
    /// As [`Call::reader`].
    pub fn shape(&self) -> Result<Shape, Status> {
        Ok(Shape {
            resource: self.row.clone(),
            api_version: self.api_version.to_owned(),
            format: self.format,
            include: self.include()?,
        })
    }

    fn include(&self) -> Result<IncludeObject, Status> {
        match self.format.form {
            Form::Table(_) => IncludeObject::parse(self.query.get("includeObject")),
            Form::Object | Form::Metadata(_) | Form::MetadataList(_) => {
                Ok(IncludeObject::default())
            }
        }
    }

    /// Reserves memory for a response made of these objects, if it is a large one. YAML is made from values,
    /// which take many times the memory of the text.
    ///
    /// # Errors
    /// 429, if other responses are not sent in time.
    pub async fn reserve_response(&self, entries: &[Arc<Entry>]) -> Result<(), Status> {
        let (mut size, mut turn) = (0_usize, Turn::begin());
        for entry in entries {
            size = size.saturating_add(entry.value.len());
            turn.step().await;
        }
        let size = match self.format.encoding {
            Encoding::Json => size,
            Encoding::Yaml => size.saturating_mul(10),
        };
        self.in_flight.reserve_response(size).await
    }

    /// The manager of written fields.
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

    /// A collection as a response.
    ///
    /// # Errors
    /// As [`list::body`].
    pub async fn respond_list(&self, list: List) -> Result<Response, Status> {
        let body = list::body(self.shape()?, list).await?;
        let content_type = self.format.encoding.content_type();
        Ok(response::with_body(StatusCode::OK, content_type, body))
    }

    /// An object as a response.
    ///
    /// # Errors
    /// As [`Reader::object`].
    pub fn respond(&self, code: StatusCode, entry: &Entry) -> Result<Response, Status> {
        let body = self.reader()?.object(entry)?;
        Ok(response::bytes(
            code,
            self.format.encoding.content_type(),
            body,
        ))
    }
}

/// The error for an object of another name than the URL's.
pub(super) fn mismatched(name: &str, url: &str) -> Status {
    Status::bad_request(format!(
        "the name of the object ({name}) does not match the name on the URL ({url})"
    ))
}
