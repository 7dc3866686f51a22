use super::*;

/// Each line: the request, and every field of its meaning; `-` is an empty one.
const REQUESTS: &str = "
GET     /api/v1/namespaces                     list - v1 - namespaces - -
GET     /api/v1/namespaces/x                   get - v1 x namespaces - x
PUT     /api/v1/namespaces/x/status            update - v1 x namespaces status x
PUT     /api/v1/namespaces/x/finalize          update - v1 x namespaces finalize x
POST    /api/v1/namespaces/x/pods              create - v1 x pods - -
GET     /api/v1/namespaces/x/pods/y/log        get - v1 x pods log y
GET     /api/v1/pods?watch=true                watch - v1 - pods - -
GET     /api/v1/pods?watch=false               list - v1 - pods - -
GET     /api/v1/watch/namespaces/x/pods        watch - v1 x pods - -
GET     /api/v1/namespaces/x/pods?fieldSelector=metadata.name%3Dy    list - v1 x pods - y
DELETE  /api/v1/namespaces/x/pods              deletecollection - v1 x pods - -
DELETE  /apis/policy/v1beta1/podsecuritypolicies/p    delete policy v1beta1 - podsecuritypolicies - p
PATCH   /apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode    patch rbac.authorization.k8s.io v1 - clusterroles - system:node
DELETE  /api/v1/watch/namespaces/x/pods        - - v1 x pods - -
OPTIONS /api/v1/pods                           - - v1 - pods - -
";

#[test]
fn resource_requests() {
    for line in REQUESTS.lines().filter(|line| !line.is_empty()) {
        let words: Vec<_> = line.split_whitespace().collect();
        let (path, query) = words[1].split_once('?').unwrap_or((words[1], ""));
        let info = RequestInfo::parse(&words[0].parse().unwrap(), path, &Query::new(query));
        let RequestInfo::Resource(r) = info else {
            panic!("{line} is {info:?}")
        };
        let shown = |text: &str| {
            if text.is_empty() {
                "-".to_owned()
            } else {
                text.to_owned()
            }
        };
        let fields = [
            shown(r.verb.map_or("", Verb::as_str)),
            shown(&r.group),
            shown(&r.version),
            shown(&r.namespace),
            shown(&r.resource),
            shown(&r.subresource),
            shown(&r.name),
        ];
        assert_eq!(fields[..], words[2..], "{line}");
        assert_eq!(
            r.named_in_path,
            !r.name.is_empty() && query.is_empty(),
            "{line}"
        );
        assert!(r.rest.is_empty(), "{line}");
    }
}

#[test]
fn paths_outside_the_resources() {
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
        let info = RequestInfo::parse(&Method::GET, url, &Query::default());
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
    let RequestInfo::Resource(r) = RequestInfo::parse(
        &Method::GET,
        "/api/v1/namespaces/x/pods/y/proxy/a/b",
        &Query::default(),
    ) else {
        panic!("not a resource");
    };
    assert_eq!(
        (r.subresource.as_str(), r.rest),
        ("proxy", vec!["a".to_owned(), "b".to_owned()])
    );
}
