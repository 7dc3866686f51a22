//! The formats that a client accepts: JSON or YAML, whole objects, Tables or metadata alone.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/handlers/negotiation/negotiate.go`.

use http::HeaderMap;
use http::header::ACCEPT;
use portcullis_api::Status;
use portcullis_api::protobuf;
use portcullis_api::status::{Details, Reason};

/// The form and encoding of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// The form of its objects.
    pub form: Form,
    /// The encoding.
    pub encoding: Encoding,
}

/// The part of an object that a response contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// All of it.
    Object,
    /// The columns of its kind, in this version of `meta.k8s.io`.
    Table(MetaVersion),
    /// Its metadata, in this version of `meta.k8s.io`.
    Metadata(MetaVersion),
    /// The metadata of each object of a list.
    MetadataList(MetaVersion),
}

/// The versions of `meta.k8s.io` that Tables and partial metadata have had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetaVersion {
    /// Since 1.15.
    V1,
    /// Before that.
    V1Beta1,
}

impl MetaVersion {
    /// The `apiVersion`.
    pub const fn api_version(self) -> &'static str {
        match self {
            Self::V1 => "meta.k8s.io/v1",
            Self::V1Beta1 => "meta.k8s.io/v1beta1",
        }
    }
}

/// The supported encodings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

impl Encoding {
    /// The content type of responses.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => super::JSON,
            Self::Yaml => "application/yaml",
        }
    }
}

/// One clause of an Accept header.
struct Clause<'h> {
    media_type: &'h str,
    quality: f32,
    parameters: Vec<(&'h str, &'h str)>,
}

impl<'h> Clause<'h> {
    fn parse(text: &'h str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default();
        let parameters: Vec<_> = parts.filter_map(|p| p.split_once('=')).collect();
        let quality = parameters
            .iter()
            .find(|(k, _)| *k == "q")
            .and_then(|(_, q)| q.parse().ok());
        Self {
            media_type,
            quality: quality.unwrap_or(1.0),
            parameters,
        }
    }

    fn parameter(&self, name: &str) -> Option<&'h str> {
        self.parameters
            .iter()
            .find(|(k, _)| *k == name)
            .map(|(_, v)| *v)
    }

    fn encoding(&self) -> Option<Encoding> {
        match self.media_type {
            "application/json" | "*/*" | "application/*" => Some(Encoding::Json),
            "application/yaml" => Some(Encoding::Yaml),
            _ => None,
        }
    }

    fn form(&self) -> Option<Form> {
        let Some(kind) = self.parameter("as") else {
            return Some(Form::Object);
        };
        let version = match (self.parameter("g"), self.parameter("v")) {
            (Some("meta.k8s.io"), Some("v1")) => MetaVersion::V1,
            (Some("meta.k8s.io"), Some("v1beta1")) => MetaVersion::V1Beta1,
            _ => return None,
        };
        match kind {
            "Table" => Some(Form::Table(version)),
            "PartialObjectMetadata" => Some(Form::Metadata(version)),
            "PartialObjectMetadataList" => Some(Form::MetadataList(version)),
            _ => None,
        }
    }
}

/// Chooses the format of a response. `routed` says whether upstream has a route for the kind, whose error differs
/// for media types that the route does not have.
///
/// # Errors
/// 406 if the client accepts no supported format.
pub fn negotiate(headers: &HeaderMap, routed: bool) -> Result<Format, Status> {
    let plain = Format {
        form: Form::Object,
        encoding: Encoding::Json,
    };
    let values: Vec<&str> = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .collect();
    if values.iter().all(|v| v.trim().is_empty()) {
        return Ok(plain);
    }
    let mut clauses: Vec<_> = values
        .iter()
        .flat_map(|v| v.split(','))
        .map(|c| Clause::parse(c.trim()))
        .collect();
    clauses.sort_by(|a, b| b.quality.total_cmp(&a.quality));
    clauses
        .iter()
        .find_map(|clause| {
            Some(Format {
                form: clause.form()?,
                encoding: clause.encoding()?,
            })
        })
        .ok_or_else(|| {
            let is_known = |clause: &Clause<'_>| {
                clause.encoding().is_some() || clause.media_type == protobuf::MEDIA_TYPE
            };
            if routed && !clauses.iter().any(is_known) {
                let why = "406: Not Acceptable";
                return Status::failure(Reason::NotAcceptable, why)
                    .with_details(Details::default());
            }
            not_acceptable()
        })
}

/// 406.
pub fn not_acceptable() -> Status {
    Status::failure(
        Reason::NotAcceptable,
        "only the following media types are accepted: application/json, application/yaml",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(accept: &str) -> Option<(Form, Encoding)> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        negotiate(&headers, true).ok().map(|f| (f.form, f.encoding))
    }

    #[test]
    fn a_media_type_without_a_route_has_an_error_of_its_own() {
        let error = |accept: &str, routed| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            negotiate(&headers, routed).unwrap_err()
        };
        let unrouted = error("text/html", true);
        assert_eq!(unrouted.message, "406: Not Acceptable");
        assert!(unrouted.details.is_some());
        let of_handlers = not_acceptable();
        assert_eq!(error("text/html", false), of_handlers);
        for accept in [
            "application/json;as=Pie;v=v1;g=meta.k8s.io",
            "application/vnd.kubernetes.protobuf",
        ] {
            assert_eq!(error(accept, true), of_handlers);
        }
    }

    #[test]
    fn the_first_clause_that_can_be_served_wins() {
        let v1 = Form::Table(MetaVersion::V1);
        for (accept, expected) in [
            ("", Some((Form::Object, Encoding::Json))),
            ("*/*", Some((Form::Object, Encoding::Json))),
            ("application/yaml", Some((Form::Object, Encoding::Yaml))),
            (
                "application/json;pretty=1",
                Some((Form::Object, Encoding::Json)),
            ),
            (
                "application/vnd.kubernetes.protobuf,application/json",
                Some((Form::Object, Encoding::Json)),
            ),
            (
                "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
                Some((v1, Encoding::Json)),
            ),
            (
                "application/json;as=Table;v=v9;g=meta.k8s.io,application/json",
                Some((Form::Object, Encoding::Json)),
            ),
            (
                "application/json;q=0.1,application/yaml",
                Some((Form::Object, Encoding::Yaml)),
            ),
            (
                "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
                Some((Form::MetadataList(MetaVersion::V1), Encoding::Json)),
            ),
            ("text/html", None),
            ("application/json;as=Table;v=v9;g=meta.k8s.io", None),
        ] {
            assert_eq!(format(accept), expected, "{accept:?}");
        }
    }
}
