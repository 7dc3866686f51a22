//! The body of a request: its bytes, its format, its object.

mod incoming;
mod yaml;

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use portcullis_api::decode::{
    DecodeError, Decoded, Document, Parsed, Source, check_size, parse, parse_document,
};
use portcullis_api::protobuf::{self, Envelope};
use portcullis_api::status::Reason;
use portcullis_api::{ErrorList, FieldError, GroupKind, Object, ObjectType, Path, Status};
use serde_json::Value;

use super::query::FieldValidation;
use portcullis_kinds::resource::Resource;

pub use self::incoming::{Incoming, read};
pub use self::yaml::{YamlError, parse as yaml};

const NO_OBJECT: &str = "the document is not an object";

/// How many unknown and duplicate fields are reported.
pub const PROBLEMS_MAX: usize = 100;

/// The expected content of a body.
#[derive(Clone, Copy)]
pub struct Expected<'a> {
    /// The kind.
    pub kind: &'a str,
    /// The version in the URL.
    pub api_version: &'a str,
    /// How it is read.
    pub reader: Reader<'a>,
}

/// How an object is read.
#[derive(Clone, Copy)]
pub enum Reader<'a> {
    /// As an object of a resource, in the version of the URL.
    Resource(&'a Resource),
    /// As a type that is not stored.
    Type(&'a ObjectType),
}

impl Reader<'_> {
    fn read(
        self,
        api_version: &str,
        document: Source<'_>,
    ) -> Result<Decoded<Box<dyn Object>>, DecodeError> {
        match self {
            Self::Resource(resource) => resource.decode(api_version, document),
            Self::Type(object_type) => (object_type.decode)(document),
        }
    }

    /// Whether objects are made of documents that borrow from the text: all but custom ones.
    fn borrows(self) -> bool {
        match self {
            Self::Resource(resource) => resource.strategy.custom().is_none(),
            Self::Type(_) => true,
        }
    }
}

/// An object from a body, and the warnings for its sender.
pub struct Read {
    /// The object, of the type that is stored, without defaults.
    pub object: Box<dyn Object>,
    /// One sentence each.
    pub warnings: Vec<String>,
    /// The fields that were sent empty: see [`Decoded::empty`].
    pub empty: Vec<String>,
}

/// The media type of a body, without parameters; empty if the client sends none.
pub fn media_type(headers: &HeaderMap) -> &str {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return "";
    };
    // A value that is not text is an unsupported type, not a missing one.
    let value = value.to_str().unwrap_or("unreadable");
    value.split(';').next().unwrap_or_default().trim()
}

/// Reads an object; also returns the value it was made of, if it was not made of the body's text itself.
///
/// # Errors
/// 415 for unsupported formats; 400 for anything but the expected object.
pub fn object(
    bytes: &[u8],
    media_type: &str,
    expected: Expected<'_>,
    validation: FieldValidation,
) -> Result<(Read, Option<Value>), Status> {
    if is_json(media_type) && expected.reader.borrows() {
        let parsed = json(bytes, parse_document, expected.kind)?;
        let document = match &parsed.value {
            // Go reads null as an empty object
            Document::Null => &Document::Object(Vec::new()),
            document => document,
        };
        let (document, duplicates) = (Source::from(document), &parsed.duplicate_fields);
        if !document.is_object() {
            return Err(unrecognized_json(expected.kind, &NO_OBJECT));
        }
        let read = from_source(document, duplicates, expected, validation)?;
        return Ok((read, None));
    }
    let (value, duplicates) = if media_type == protobuf::MEDIA_TYPE {
        (from_protobuf(bytes, expected)?, Vec::new())
    } else {
        value(bytes, media_type, expected.kind)?
    };
    let read = from_source(Source::from(&value), &duplicates, expected, validation)?;
    Ok((read, Some(value)))
}

fn is_json(media_type: &str) -> bool {
    matches!(media_type, "" | "application/json")
}

fn from_source(
    document: Source<'_>,
    duplicates: &[String],
    expected: Expected<'_>,
    validation: FieldValidation,
) -> Result<Read, Status> {
    // a patch may set an invalid version of a custom object, which validation finds
    if let Some(version) = document.text("apiVersion").filter(|v| !v.is_empty()) {
        check_version(version, expected)?;
    }
    let read = typed(document, duplicates, expected, validation);
    read.map_err(|why| why.into_status(expected))
}

/// Parses JSON.
fn json<'t, T>(
    bytes: &'t [u8],
    parse: impl FnOnce(&'t [u8]) -> Result<Parsed<T>, DecodeError>,
    kind: &str,
) -> Result<Parsed<T>, Status> {
    parse(bytes).map_err(|why| unrecognized_json(kind, &why))
}

fn unrecognized(kind: &str, why: &dyn std::fmt::Display) -> Status {
    let why = format!("the object provided is unrecognized (must be of type {kind}): {why}");
    Status::bad_request(why)
}

fn unrecognized_json(kind: &str, why: &dyn std::fmt::Display) -> Status {
    let why = format!("couldn't get version/kind; json parse error: {why}");
    unrecognized(kind, &why)
}

/// Parses JSON or YAML; also returns the paths of duplicate fields.
fn value(bytes: &[u8], media_type: &str, kind: &str) -> Result<(Value, Vec<String>), Status> {
    let (value, duplicates) = match media_type {
        media_type if is_json(media_type) => {
            let parsed = json(bytes, parse, kind)?;
            (parsed.value, parsed.duplicate_fields)
        }
        "application/yaml" => {
            let value = yaml(bytes).map_err(|e| unrecognized(kind, &e.in_go()))?;
            check_size(&value).map_err(|e| unrecognized(kind, &format!("yaml: {e}")))?;
            (value, Vec::new())
        }
        _ => return Err(unsupported()),
    };
    match value {
        // Go reads null as an empty object
        Value::Null => Ok((Value::Object(serde_json::Map::new()), duplicates)),
        Value::Object(_) => Ok((value, duplicates)),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(unrecognized_json(kind, &NO_OBJECT))
        }
    }
}

/// Converts protobuf to the JSON of the same object.
fn from_protobuf(bytes: &[u8], expected: Expected<'_>) -> Result<Value, Status> {
    let kind = expected.kind;
    let envelope = Envelope::open(bytes).map_err(|why| {
        Status::bad_request(format!(
            "the object provided is unrecognized (must be of type {kind}): {why}"
        ))
    })?;
    let value = envelope
        .or_type(expected.api_version, kind)
        .to_value()
        .map_err(|why| cannot_be_handled(expected, &why))?;
    check_size(&value).map_err(|why| cannot_be_handled(expected, &why))?;
    Ok(value)
}

/// 415.
pub(super) fn unsupported() -> Status {
    Status::failure(
        Reason::UnsupportedMediaType,
        "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
    )
}

/// Why a value is not the expected object.
pub enum Unfit {
    /// It has another type.
    Type(Status),
    /// It has wrong types, or unknown fields under strict validation.
    Fields(DecodeError),
}

impl Unfit {
    /// The 400 about a body.
    pub fn into_status(self, expected: Expected<'_>) -> Status {
        match self {
            Self::Type(status) => status,
            Self::Fields(why) => cannot_be_handled(expected, &why),
        }
    }
}

/// Reads a kind's type from JSON.
///
/// # Errors
/// For another kind or version, wrong types, and, under strict validation, unknown fields.
pub fn typed<'d>(
    document: impl Into<Source<'d>>,
    duplicates: &[String],
    expected: Expected<'_>,
    validation: FieldValidation,
) -> Result<Read, Unfit> {
    let document = document.into();
    check_type(document, expected).map_err(Unfit::Type)?;
    let decoded = expected.reader.read(expected.api_version, document);
    let Decoded {
        value: object,
        unknown_fields,
        empty,
    } = decoded.map_err(Unfit::Fields)?;
    let unknown = unknown_fields
        .iter()
        .map(|f| format!("unknown field {f:?}"));
    let twice = duplicates.iter().map(|f| format!("duplicate field {f:?}"));
    let problems: Vec<String> = unknown.chain(twice).take(PROBLEMS_MAX).collect();
    let warnings = match validation {
        FieldValidation::Strict if !problems.is_empty() => {
            let why = DecodeError::Value(format!("strict decoding error: {}", problems.join(", ")));
            return Err(Unfit::Fields(why));
        }
        FieldValidation::Strict | FieldValidation::Ignore => Vec::new(),
        FieldValidation::Warn => problems,
    };
    Ok(Read {
        object,
        warnings,
        empty,
    })
}

fn cannot_be_handled(expected: Expected<'_>, why: &dyn std::fmt::Display) -> Status {
    let version = expected.api_version.rsplit('/').next().unwrap_or_default();
    let kind = expected.kind;
    Status::bad_request(format!(
        "{kind} in version {version:?} cannot be handled as a {kind}: {why}"
    ))
}

/// Kind and version are optional in a body; if present they must be those of the URL.
fn check_type(document: Source<'_>, expected: Expected<'_>) -> Result<(), Status> {
    let field = |name: &str| {
        let field = document.field(name).filter(|field| !field.is_null());
        let text = field.map_or(Some(""), Source::as_str);
        text.ok_or_else(|| Status::bad_request(format!("the object's {name} must be a string")))
    };
    let (kind, api_version) = (field("kind")?, field("apiVersion")?);
    if let Reader::Resource(resource) = expected.reader
        && resource.strategy.custom().is_some()
    {
        return check_custom_type(resource, expected, document, (kind, api_version));
    }
    if !api_version.is_empty() {
        check_version(api_version, expected)?;
    }
    if !kind.is_empty() && kind != expected.kind {
        return Err(Status::bad_request(format!(
            "{kind} in version {:?} cannot be handled as a {}: the kind in the data does not match the expected kind",
            expected.api_version.rsplit('/').next().unwrap_or_default(),
            expected.kind
        )));
    }
    Ok(())
}

fn check_version(api_version: &str, expected: Expected<'_>) -> Result<(), Status> {
    if api_version == expected.api_version {
        return Ok(());
    }
    Err(Status::bad_request(format!(
        "the API version in the data ({api_version}) does not match the expected API version ({})",
        expected.api_version
    )))
}

/// Go has no type for custom objects, so kind and version are required (upstream: `UnstructuredJSONScheme`
/// and the validation of `customresource`).
fn check_custom_type(
    resource: &Resource,
    expected: Expected<'_>,
    document: Source<'_>,
    (kind, api_version): (&str, &str),
) -> Result<(), Status> {
    for (field, given) in [("Kind", kind), ("apiVersion", api_version)] {
        if given.is_empty() {
            let why = format!("Object '{field}' is missing in '{}'", document.value());
            return Err(Status::bad_request(why));
        }
    }
    let mut errors = ErrorList::new();
    for (field, given, wanted) in [
        ("kind", kind, expected.kind),
        ("apiVersion", api_version, expected.api_version),
    ] {
        if given != wanted {
            let why = format!("must be {wanted}");
            errors.push(FieldError::invalid(&Path::new(field), given, why));
        }
    }
    if errors.is_empty() {
        return Ok(());
    }
    let group = resource.group;
    let metadata = document.field("metadata");
    let name = metadata.and_then(|metadata| metadata.text("name"));
    Err(Status::invalid(
        GroupKind { group, kind },
        name.unwrap_or_default(),
        &errors,
    ))
}
