use super::*;

/// One line of the table: the request, and every field of what it means.
struct Row(
    &'static str,
    &'static str,
    Option<Verb>,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

#[test]
fn resource_requests() {
    use Verb::*;
    let rows = [
        Row(
            "GET",
            "/api/v1/namespaces",
            Some(List),
            "",
            "v1",
            "",
            "namespaces",
            "",
            "",
        ),
        Row(
            "GET",
            "/api/v1/namespaces/x",
            Some(Get),
            "",
            "v1",
            "x",
            "namespaces",
            "",
            "x",
        ),
        Row(
            "PUT",
            "/api/v1/namespaces/x/status",
            Some(Update),
            "",
            "v1",
            "x",
            "namespaces",
            "status",
            "x",
        ),
        Row(
            "PUT",
            "/api/v1/namespaces/x/finalize",
            Some(Update),
            "",
            "v1",
            "x",
            "namespaces",
            "finalize",
            "x",
        ),
        Row(
            "POST",
            "/api/v1/namespaces/x/pods",
            Some(Create),
            "",
            "v1",
            "x",
            "pods",
            "",
            "",
        ),
        Row(
            "GET",
            "/api/v1/namespaces/x/pods/y/log",
            Some(Get),
            "",
            "v1",
            "x",
            "pods",
            "log",
            "y",
        ),
        Row(
            "GET",
            "/api/v1/pods?watch=true",
            Some(Watch),
            "",
            "v1",
            "",
            "pods",
            "",
            "",
        ),
        Row(
            "GET",
            "/api/v1/pods?watch=false",
            Some(List),
            "",
            "v1",
            "",
            "pods",
            "",
            "",
        ),
        Row(
            "GET",
            "/api/v1/watch/namespaces/x/pods",
            Some(Watch),
            "",
            "v1",
            "x",
            "pods",
            "",
            "",
        ),
        Row(
            "GET",
            "/api/v1/namespaces/x/pods?fieldSelector=metadata.name%3Dy",
            Some(List),
            "",
            "v1",
            "x",
            "pods",
            "",
            "y",
        ),
        Row(
            "DELETE",
            "/api/v1/namespaces/x/pods",
            Some(DeleteCollection),
            "",
            "v1",
            "x",
            "pods",
            "",
            "",
        ),
        Row(
            "DELETE",
            "/apis/policy/v1beta1/podsecuritypolicies/p",
            Some(Delete),
            "policy",
            "v1beta1",
            "",
            "podsecuritypolicies",
            "",
            "p",
        ),
        Row(
            "PATCH",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode",
            Some(Patch),
            "rbac.authorization.k8s.io",
            "v1",
            "",
            "clusterroles",
            "",
            "system:node",
        ),
        Row(
            "OPTIONS",
            "/api/v1/pods",
            None,
            "",
            "v1",
            "",
            "pods",
            "",
            "",
        ),
    ];
    for Row(method, url, verb, group, version, namespace, resource, subresource, name) in rows {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let info = RequestInfo::parse(&method.parse().unwrap(), path, query);
        let RequestInfo::Resource(r) = info else {
            panic!("{method} {url} is {info:?}")
        };
        assert_eq!(
            (
                r.verb,
                r.group.as_str(),
                r.version.as_str(),
                r.namespace.as_str(),
                r.resource.as_str(),
                r.subresource.as_str(),
                r.name.as_str()
            ),
            (verb, group, version, namespace, resource, subresource, name),
            "{method} {url}"
        );
        assert_eq!(
            r.named_in_path,
            !name.is_empty() && !url.contains("fieldSelector"),
            "{method} {url}"
        );
        assert!(r.rest.is_empty(), "{method} {url}");
    }
}

#[test]
fn paths_that_are_no_resources() {
    for url in [
        "/",
        "/api",
        "/api/v1",
        "/apis",
        "/apis/policy",
        "/apis/policy/v1beta1",
        "/healthz",
        "/apix/v1/pods",
    ] {
        let info = RequestInfo::parse(&Method::GET, url, "");
        assert_eq!(
            info,
            RequestInfo::Path {
                verb: "get".into(),
                path: url.into()
            }
        );
    }
}

#[test]
fn what_follows_a_subresource_is_kept() {
    let RequestInfo::Resource(r) =
        RequestInfo::parse(&Method::GET, "/api/v1/namespaces/x/pods/y/proxy/a/b", "")
    else {
        panic!("not a resource");
    };
    assert_eq!(
        (r.subresource.as_str(), r.rest),
        ("proxy", vec!["a".to_owned(), "b".to_owned()])
    );
}
