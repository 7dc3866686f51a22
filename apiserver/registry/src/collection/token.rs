//! The token of the next page. Opaque to clients; it has upstream's form, so that it stays valid when one
//! server is replaced by the other (`k8s.io/apiserver/pkg/storage/continue.go`).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_api::Status;
use portcullis_storage::{ReadAt, Revision};
use serde::{Deserialize, Serialize};

/// Where a page ended, and at which revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContinueToken {
    #[serde(rename = "v", default)]
    version: String,
    /// Negative if the list continues at the current revision.
    #[serde(rename = "rv", default)]
    revision: i64,
    /// The next key, without the collection's prefix.
    #[serde(default)]
    start: String,
}

const VERSION: &str = "meta.k8s.io/v1";
/// The revision of a list that continues although its revision has been compacted.
const INCONSISTENT: i64 = -1;

impl ContinueToken {
    /// The token of a page that ends with the key `last`.
    pub fn new(revision: Revision, prefix: &str, last: &str) -> Self {
        let start = last.strip_prefix(prefix).unwrap_or(last);
        Self {
            version: VERSION.into(),
            revision: i64::try_from(revision).unwrap_or(i64::MAX),
            start: format!("{start}\0"),
        }
    }

    /// A token for the same position at the current revision.
    #[must_use]
    pub fn inconsistent(&self) -> Self {
        Self {
            revision: INCONSISTENT,
            ..self.clone()
        }
    }

    /// Reads a token.
    ///
    /// # Errors
    /// 400 for an invalid token.
    pub fn parse(text: &str) -> Result<Self, Status> {
        Self::read(text).map_err(|why| {
            Status::bad_request(format!(
                "invalid continue token: continue key is not valid: {why}"
            ))
        })
    }

    fn read(text: &str) -> Result<Self, String> {
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|error| illegal_base64(text, &error))?;
        let token: Self = serde_json::from_slice(&bytes).map_err(|e| illegal_json(&bytes, &e))?;
        match () {
            () if token.version != VERSION => Err(format!(
                "server does not recognize this encoded version {:?}",
                token.version
            )),
            () if token.revision == 0 => Err(format!(
                "incorrect encoded start resourceVersion (version {VERSION})"
            )),
            () if token.start.is_empty() => {
                Err(format!("encoded start key empty (version {VERSION})"))
            }
            () if !stays_below(&token.start) => Err(token.start),
            () => Ok(token),
        }
    }

    /// The last key of the previous page.
    pub fn after(&self, prefix: &str) -> String {
        let start = self.start.strip_prefix('/').unwrap_or(&self.start);
        format!("{prefix}{}", start.trim_end_matches('\0'))
    }

    /// All pages have the same revision.
    pub fn read_at(&self) -> ReadAt {
        Revision::try_from(self.revision).map_or(ReadAt::Latest, ReadAt::Exactly)
    }
}

/// Whether a key stays in its collection: upstream requires that `path.Clean` does not change it.
fn stays_below(start: &str) -> bool {
    let start = start.strip_prefix('/').unwrap_or(start);
    start
        .split('/')
        .all(|part| !matches!(part, "" | "." | ".."))
}

/// The text of Go's `base64.CorruptInputError`.
fn illegal_base64(text: &str, error: &base64::DecodeError) -> String {
    let at = match error {
        base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol(at, _) => {
            *at
        }
        base64::DecodeError::InvalidLength(_) | base64::DecodeError::InvalidPadding => {
            text.len() / 4 * 4
        }
    };
    format!("illegal base64 data at input byte {at}")
}

/// The text of Go's `encoding/json`, for bytes that do not begin as JSON.
fn illegal_json(bytes: &[u8], error: &serde_json::Error) -> String {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    match first.map(|byte| char::from(*byte)) {
        None => "unexpected end of JSON input".into(),
        Some(c) if "{[\"-tfn".contains(c) || c.is_ascii_digit() => error.to_string(),
        Some(c) => {
            let quoted = match c {
                '\'' => r"\'".to_owned(),
                c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
                c => c.to_string(),
            };
            format!("invalid character '{quoted}' looking for beginning of value")
        }
    }
}

impl std::fmt::Display for ContinueToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let json = serde_json::to_vec(self).map_err(|_| std::fmt::Error)?;
        f.write_str(&URL_SAFE_NO_PAD.encode(json))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_parsed_as_it_was_written() {
        let token = ContinueToken::new(7, "/registry/pods/", "/registry/pods/a/b");
        let read = ContinueToken::parse(&token.to_string()).unwrap();
        assert_eq!(read, token);
        assert_eq!(read.after("/registry/pods/"), "/registry/pods/a/b");
        assert_eq!(read.read_at(), ReadAt::Exactly(7));
        let now = ContinueToken::parse(&token.inconsistent().to_string()).unwrap();
        assert_eq!(now.after("/registry/pods/"), "/registry/pods/a/b");
        assert_eq!(now.read_at(), ReadAt::Latest);
    }

    #[test]
    fn an_invalid_token_is_rejected() {
        let encode = |json: &str| URL_SAFE_NO_PAD.encode(json);
        for (text, why) in [
            ("?".to_owned(), "illegal base64 data at input byte 0"),
            (
                "nonsense".to_owned(),
                "invalid character '\\u009e' looking for beginning of value",
            ),
            (
                encode("{}"),
                "server does not recognize this encoded version \"\"",
            ),
            (
                encode(r#"{"v":"x","rv":1,"start":"a"}"#),
                "server does not recognize this encoded version \"x\"",
            ),
            (
                encode(r#"{"v":"meta.k8s.io/v1","rv":0,"start":"a"}"#),
                "incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
            ),
            (
                encode(r#"{"v":"meta.k8s.io/v1","rv":1}"#),
                "encoded start key empty (version meta.k8s.io/v1)",
            ),
            (
                encode(r#"{"v":"meta.k8s.io/v1","rv":1,"start":"../a"}"#),
                "../a",
            ),
            (
                encode(r#"{"v":"meta.k8s.io/v1","rv":1,"start":"a//b"}"#),
                "a//b",
            ),
        ] {
            let status = ContinueToken::parse(&text).unwrap_err();
            let message = format!("invalid continue token: continue key is not valid: {why}");
            assert_eq!((status.code, status.message), (400, message), "{text}");
        }
    }
}
