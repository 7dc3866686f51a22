//! Validates where webhooks are called: a URL or a service
//! (upstream: `k8s.io/apiserver/pkg/util/webhook/validation.go`).

use crate::go_url::GoUrl;
use crate::{ErrorList, FieldError, Path, name};

const FORM: &str = "; desired format: https://host[/path]";

/// Validates the URL of a webhook.
pub fn validate_url(given: &str, path: &Path, errors: &mut ErrorList) {
    let url = match GoUrl::parse(given) {
        Ok(url) => url,
        Err(why) => {
            let detail = format!("url must be a valid URL: {why}{FORM}");
            errors.push(FieldError::required(path, detail));
            return;
        }
    };
    if url.scheme != "https" {
        let detail = format!("'https' is the only allowed URL scheme{FORM}");
        errors.push(FieldError::invalid(path, &url.scheme, detail));
    }
    if url.host.is_empty() {
        let detail = format!("host must be provided{FORM}");
        errors.push(FieldError::invalid(path, "", detail));
    }
    let filled = |part: String| Some(part).filter(|part| !part.is_empty());
    for (value, what) in [
        (url.user, "user information is not"),
        (filled(url.fragment), "fragments are not"),
        (filled(url.query), "query parameters are not"),
    ] {
        if let Some(value) = value {
            let detail = format!("{what} permitted in the URL");
            errors.push(FieldError::invalid(path, &value, detail));
        }
    }
}

/// The service of a webhook.
#[derive(Clone, Copy, Debug)]
pub struct Service<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its namespace.
    pub namespace: &'a str,
    /// The path that is called; empty or absent for the root.
    pub path: Option<&'a str>,
    /// Its port, after defaulting.
    pub port: i32,
}

/// Validates the service of a webhook.
pub fn validate_service(service: Service<'_>, path: &Path, errors: &mut ErrorList) {
    // upstream's callers swap the two arguments of the validation
    for (field, value) in [("name", service.namespace), ("namespace", service.name)] {
        if value.is_empty() {
            let detail = format!("service {field} is required");
            errors.push(FieldError::required(&path.child(field), detail));
        }
    }
    if !(1..=65535).contains(&service.port) {
        let detail = "port is not valid: must be between 1 and 65535, inclusive";
        let path = path.child("port");
        errors.push(FieldError::invalid(&path, service.port, detail));
    }
    if let Some(given) = service.path {
        validate_path(given, &path.child("path"), errors);
    }
}

fn validate_path(given: &str, path: &Path, errors: &mut ErrorList) {
    let mut wrong = |detail: String| errors.push(FieldError::invalid(path, given, detail));
    match given {
        "" | "/" => return,
        "//" => {
            wrong("segment[0] may not be empty".to_owned());
            return;
        }
        _ if !given.starts_with('/') => wrong("must start with a '/'".to_owned()),
        _ => {}
    }
    // upstream drops the first byte, whatever it is
    let rest = String::from_utf8_lossy(given.as_bytes().get(1..).unwrap_or_default());
    let rest = rest.strip_suffix('/').unwrap_or(&rest);
    for (i, step) in rest.split('/').enumerate() {
        if step.is_empty() {
            wrong(format!("segment[{i}] may not be empty"));
            continue;
        }
        for sentence in name::dns1123_subdomain(step) {
            wrong(format!("segment[{i}]: {sentence}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_url(given: &str) -> Vec<String> {
        let mut errors = ErrorList::new();
        validate_url(given, &Path::new("url"), &mut errors);
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn urls_are_https_with_a_host_and_a_path() {
        assert!(of_url("https://example.org/a").is_empty());
        assert!(of_url("HTTPS://x:99999?").is_empty());
        assert_eq!(
            of_url("http:x"),
            [
                r#"url: Invalid value: "http": 'https' is the only allowed URL scheme; desired format: https://host[/path]"#,
                r#"url: Invalid value: "": host must be provided; desired format: https://host[/path]"#,
            ]
        );
        assert_eq!(
            of_url("https://@x?q#f"),
            [
                r#"url: Invalid value: "": user information is not permitted in the URL"#,
                r#"url: Invalid value: "f": fragments are not permitted in the URL"#,
                r#"url: Invalid value: "q": query parameters are not permitted in the URL"#,
            ]
        );
        assert_eq!(
            of_url("https://x:a"),
            [
                r#"url: Required value: url must be a valid URL: parse "https://x:a": invalid port ":a" after host; desired format: https://host[/path]"#
            ]
        );
    }

    #[test]
    fn paths_of_services_are_names_between_slashes() {
        let of_path = |given: &str| {
            let mut errors = ErrorList::new();
            validate_path(given, &Path::new("path"), &mut errors);
            let sentences = errors.into_iter().map(|e| e.detail);
            sentences.collect::<Vec<_>>()
        };
        for fine in ["", "/", "/a", "/a/b.c/"] {
            assert!(of_path(fine).is_empty(), "{fine}");
        }
        assert_eq!(of_path("//"), ["segment[0] may not be empty"]);
        assert_eq!(of_path("/a//b"), ["segment[1] may not be empty"]);
        assert_eq!(
            of_path("a"),
            ["must start with a '/'", "segment[0] may not be empty"]
        );
        let accented = of_path("é");
        assert!(accented[1].starts_with("segment[0]: a lowercase RFC 1123"));
    }
}
