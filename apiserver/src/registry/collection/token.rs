//! Where a page ended. Opaque to clients; the form is upstream's, so that a token survives the
//! exchange of one server for the other (`k8s.io/apiserver/pkg/storage/continue.go`).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_api::Status;
use portcullis_storage::{ReadAt, Revision};
use serde::{Deserialize, Serialize};

/// Where a page ended, and at which revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContinueToken {
    #[serde(rename = "v")]
    version: String,
    #[serde(rename = "rv")]
    revision: Revision,
    /// The next key, without the collection's prefix.
    start: String,
}

const VERSION: &str = "meta.k8s.io/v1";

impl ContinueToken {
    /// The token of a page that ends with the key `last`.
    pub fn new(revision: Revision, prefix: &str, last: &str) -> Self {
        let start = last.strip_prefix(prefix).unwrap_or(last);
        Self {
            version: VERSION.into(),
            revision,
            start: format!("{start}\0"),
        }
    }

    /// Reads a token.
    ///
    /// # Errors
    /// 400 if it is none of ours.
    pub fn parse(text: &str) -> Result<Self, Status> {
        let invalid = |why: &dyn std::fmt::Display| {
            Status::bad_request(format!("continue key is not valid: {why}"))
        };
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|e| invalid(&e))?;
        let token: Self = serde_json::from_slice(&bytes).map_err(|e| invalid(&e))?;
        match () {
            () if token.version != VERSION => Err(invalid(&format!(
                "server does not recognize this encoded version {:?}",
                token.version
            ))),
            () if token.revision == 0 => Err(invalid(
                &"incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
            )),
            () if token.start.is_empty()
                || token.start.starts_with('/')
                || token.start.contains("..") =>
            {
                Err(invalid(
                    &"encoded start key is empty or has a relative path",
                ))
            }
            () => Ok(token),
        }
    }

    /// The last key of the page before.
    pub fn after(&self, prefix: &str) -> String {
        format!("{prefix}{}", self.start.trim_end_matches('\0'))
    }

    /// All pages are of one state.
    pub const fn read_at(&self) -> ReadAt {
        ReadAt::Exactly(self.revision)
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
    fn a_token_comes_back_as_it_went() {
        let token = ContinueToken::new(7, "/registry/pods/", "/registry/pods/a/b");
        let read = ContinueToken::parse(&token.to_string()).unwrap();
        assert_eq!(read, token);
        assert_eq!(read.after("/registry/pods/"), "/registry/pods/a/b");
        assert_eq!(read.read_at(), ReadAt::Exactly(7));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let encode = |json: &str| URL_SAFE_NO_PAD.encode(json);
        for text in [
            "?".to_owned(),
            encode("{}"),
            encode(r#"{"v":"x","rv":1,"start":"a"}"#),
            encode(r#"{"v":"meta.k8s.io/v1","rv":0,"start":"a"}"#),
            encode(r#"{"v":"meta.k8s.io/v1","rv":1,"start":"../a"}"#),
        ] {
            assert_eq!(ContinueToken::parse(&text).unwrap_err().code, 400, "{text}");
        }
    }
}
