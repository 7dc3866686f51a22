//! Parses the URL of a request, once for all inner services.

use axum::extract::Request;
use http::uri::PathAndQuery;
use http::{Response, Uri};

use super::filter::Filter;
use crate::request::{Described, RequestInfo};

/// Adds a [`Described`] to each request, as an extension.
#[derive(Clone)]
pub struct Describe;

impl<B> Filter<B> for Describe {
    type Kept = ();

    fn request(&self, request: &mut Request) -> Result<(), Response<B>> {
        let described = Described::of(request.method(), request.uri());
        if let RequestInfo::Path { path, .. } = &described.info
            && path != request.uri().path()
            && let Some(uri) = with_path(request.uri(), path)
        {
            // Routes are matched against the path that is authorized: the decoded one.
            *request.uri_mut() = uri;
        }
        request.extensions_mut().insert(described);
        Ok(())
    }
}

/// The URL with another path; `None` if that path needs encoding, which no route does.
fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    if path.contains(['?', '#', '%']) {
        return None;
    }
    let query = uri.query().unwrap_or_default();
    let text = format!("{path}?{query}");
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(text.parse::<PathAndQuery>().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_match_decoded_paths() {
        let uri = Uri::from_static("/%68ealthz?verbose");
        let found = with_path(&uri, "/healthz").unwrap();
        assert_eq!(found, "/healthz?verbose");
        for unroutable in ["/a b", "/a?b", "/a#b", "/a%62", "/é"] {
            let routed = with_path(&uri, unroutable);
            assert!(
                routed.is_none_or(|uri| uri.path() == unroutable),
                "{unroutable}"
            );
        }
    }
}
