//! The id of a request.

use std::fmt;

use http::HeaderValue;
use jiff::Timestamp;
use uuid::Uuid;

/// How much of a client's id is logged, in bytes (upstream: `maxAuditIDLength`).
const LOGGED: usize = 64;

/// A request's id and time of arrival; an extension of the request.
#[derive(Clone, Debug)]
pub struct AuditId {
    id: Id,
    /// When the request arrived.
    pub received: Timestamp,
}

#[derive(Clone, Debug)]
enum Id {
    Made(Uuid),
    /// From the client. A header, so it is one line.
    Given(HeaderValue),
}

impl AuditId {
    /// The client's id, if it is text; a new one otherwise.
    pub fn new(given: Option<&HeaderValue>) -> Self {
        let given = given.filter(|id| !id.is_empty() && id.to_str().is_ok());
        Self {
            id: match given {
                Some(id) => Id::Given(id.clone()),
                None => Id::Made(Uuid::new_v4()),
            },
            received: Timestamp::now(),
        }
    }

    /// The id as a response's header.
    pub fn header(&self) -> Option<HeaderValue> {
        let mut value = match &self.id {
            Id::Made(id) => {
                let mut text = Uuid::encode_buffer();
                HeaderValue::from_str(id.as_hyphenated().encode_lower(&mut text)).ok()?
            }
            Id::Given(id) => id.clone(),
        };
        // Different every time, so HTTP/2 must not put it into its compression table and evict other headers.
        value.set_sensitive(true);
        Some(value)
    }

    /// The id, whole.
    pub fn to_text(&self) -> String {
        match &self.id {
            Id::Made(id) => id.to_string(),
            Id::Given(id) => id.to_str().unwrap_or_default().to_owned(),
        }
    }
}

/// The form for the log, of limited length.
impl fmt::Display for AuditId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Id::Made(id) => id.fmt(f),
            Id::Given(id) => {
                let text = id.to_str().unwrap_or_default();
                f.write_str(text.get(..LOGGED).unwrap_or(text))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_may_choose_the_id() {
        let given =
            |text: &str| AuditId::new(Some(&HeaderValue::from_bytes(text.as_bytes()).unwrap()));
        assert_eq!(given("my-request").to_text(), "my-request");
        assert_eq!(given("my-request").header().unwrap(), "my-request");
        let long = given(&"x".repeat(100));
        assert_eq!((long.to_text().len(), long.to_string().len()), (100, 64));
        for not_text in ["", "bücher"] {
            let made = given(not_text);
            assert_eq!(made.to_text().len(), 36, "{not_text}");
            assert_eq!(made.header().unwrap(), made.to_text().as_str());
            assert_eq!(made.to_string(), made.to_text());
        }
    }
}
