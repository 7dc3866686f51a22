//! The parameters of a URL's query.
//!
//! Upstream: `Convert_Slice_string_To_…` in `k8s.io/apimachinery/pkg/runtime/conversion.go`.

use std::num::{IntErrorKind, ParseIntError};
use std::time::Duration;

use portcullis_api::Status;
use portcullis_api::field_error::go_quote;
use portcullis_kinds::duration;

/// The parameters in the order of the URL, decoded.
#[derive(Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes a query such as `watch=1&resourceVersion=7`.
    pub fn new(query: &str) -> Self {
        Self(
            form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    /// The first value of a parameter; empty if there is none.
    pub fn get(&self, name: &str) -> &str {
        self.given(name).unwrap_or_default()
    }

    /// The first value of a parameter, if there is one.
    pub fn given(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of a parameter.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(k, _)| k == name)
            .map(|(_, v)| v.as_str())
    }

    /// Whether a flag is set: it is given, and neither `false` nor `0`.
    pub fn flag(&self, name: &str) -> bool {
        self.given(name)
            .is_some_and(|value| value != "0" && !value.eq_ignore_ascii_case("false"))
    }

    /// A number, if one is given.
    ///
    /// # Errors
    /// 400, with Go's text, for anything else and for the empty text.
    pub fn number(&self, name: &str) -> Result<Option<i64>, Status> {
        let Some(text) = self.given(name) else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|error: ParseIntError| {
            let why = match error.kind() {
                IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
                _ => "invalid syntax",
            };
            let text = go_quote(text);
            Status::bad_request(format!("strconv.ParseInt: parsing {text}: {why}"))
        })
    }

    /// The client's timeout for the request; zero and negative values are no limit.
    ///
    /// Upstream: `k8s.io/apiserver/pkg/endpoints/filters/request_deadline.go`.
    ///
    /// # Errors
    /// 400 for an invalid duration.
    pub fn timeout(&self) -> Result<Option<Duration>, Status> {
        let text = self.get("timeout");
        if text.is_empty() {
            return Ok(None);
        }
        let nanoseconds = duration::parse(text).map_err(|why| {
            Status::bad_request(format!(
                "invalid timeout specified in the request URL - {why}"
            ))
        })?;
        let nanoseconds = u64::try_from(nanoseconds).ok().filter(|n| *n > 0);
        Ok(nanoseconds.map(Duration::from_nanos))
    }
}
