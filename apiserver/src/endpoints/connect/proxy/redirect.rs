//! Redirects of proxied responses, rewritten so that they lead back through this server.
//!
//! Upstream: `rewriteURL` in `k8s.io/apimachinery/pkg/util/proxy/transport.go`. Links in pages are not
//! rewritten.

use http::Uri;

/// The rewritten target of a redirect for a request to `source`. `host` is the host in the client's request,
/// and `prefix` the path under which the client finds the other server.
pub fn rewritten(target: &str, source: &Uri, host: &str, prefix: &str) -> String {
    let Ok(uri) = target.parse::<Uri>() else {
        return target.to_owned();
    };
    let elsewhere = uri.authority().is_some_and(|authority| {
        let own = source.authority() == Some(authority);
        !own && !authority.as_str().eq_ignore_ascii_case(host)
    });
    if elsewhere || !uri.path().starts_with('/') || is_relative(target) {
        return target.to_owned();
    }
    let path = uri.path();
    let query = uri.query().map(|query| format!("?{query}"));
    let query = query.unwrap_or_default();
    let fragment = target
        .split_once('#')
        .map(|(_, fragment)| format!("#{fragment}"));
    let fragment = fragment.unwrap_or_default();
    let prefix = if path.starts_with(prefix) { "" } else { prefix };
    let own = match uri.authority() {
        // a target that names this server is kept
        Some(authority) if authority.as_str().eq_ignore_ascii_case(host) => {
            format!("{}://{authority}", uri.scheme_str().unwrap_or("https"))
        }
        _ => String::new(),
    };
    format!("{own}{prefix}{path}{query}{fragment}")
}

/// `http::Uri` gives the path of `a/b` a slash.
fn is_relative(target: &str) -> bool {
    !target.starts_with('/') && !target.contains("://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_back_through_this_server() {
        let source = Uri::from_static("http://10.0.0.1:8080/login");
        let prefix = "/api/v1/namespaces/n/pods/web/proxy";
        for (target, expected) in [
            ("/home", format!("{prefix}/home")),
            ("/home/?a=b#c", format!("{prefix}/home/?a=b#c")),
            ("http://10.0.0.1:8080/home", format!("{prefix}/home")),
            (
                "http://10.0.0.1:9090/home",
                "http://10.0.0.1:9090/home".into(),
            ),
            ("https://example.com/", "https://example.com/".into()),
            ("home", "home".into()),
            ("../home", "../home".into()),
            (
                "https://server:6443/home",
                format!("https://server:6443{prefix}/home"),
            ),
            (&format!("{prefix}/home"), format!("{prefix}/home")),
        ] {
            let found = rewritten(target, &source, "server:6443", prefix);
            assert_eq!(found, expected, "{target}");
        }
    }
}
