use http::{HeaderMap, HeaderName};

use super::RequestHeaders;

fn headers(pairs: &[(&str, &[u8])]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        let value = http::HeaderValue::from_bytes(value).unwrap();
        headers.append(name, value);
    }
    headers
}

#[test]
fn headers_name_a_user() {
    let known = RequestHeaders {
        username: ["x-user", "x-remote-user"]
            .map(HeaderName::from_static)
            .into(),
        ..RequestHeaders::standard()
    };
    assert_eq!(known.user(&HeaderMap::new()), Ok(None));
    let only_groups = headers(&[("X-Remote-Group", b"system:masters"), ("X-User", b"")]);
    assert_eq!(known.user(&only_groups), Ok(None));
    let all = headers(&[
        ("X-User", b""),
        ("X-Remote-User", "j\u{f6}rg".as_bytes()),
        ("X-Remote-User", b"second"),
        ("X-Remote-Uid", b"7"),
        ("X-Remote-Group", b"a"),
        ("X-Remote-Group", b""),
        ("X-Remote-Group", b"b"),
        ("X-Remote-Extra-Example.org%2fScope", b"one"),
        ("X-Remote-Extra-Example.org%2fScope", b"two"),
        ("X-Remote-Extra-bad%2", b"3"),
    ]);
    let user = known.user(&all).unwrap().unwrap();
    assert_eq!((user.name.as_str(), user.uid.as_str()), ("jörg", "7"));
    assert_eq!(user.groups, ["a", "b"]);
    assert_eq!(user.extra["example.org/scope"], ["one", "two"]);
    assert_eq!(user.extra["bad%2"], ["3"]);
}

#[test]
fn what_is_no_text_names_nobody() {
    let known = RequestHeaders::standard();
    for header in ["X-Remote-Group", "X-Remote-Uid", "X-Remote-Extra-a"] {
        let bad = headers(&[("X-Remote-User", b"jane"), (header, b"\xff")]);
        let error = known.user(&bad).unwrap_err().to_string();
        let name = header.to_ascii_lowercase();
        assert_eq!(error, format!("the header {name} is not UTF-8 text"));
    }
}

#[test]
fn headers_are_removed() {
    let mut all = headers(&[
        ("X-Remote-User", b"a"),
        ("X-Remote-Uid", b"a"),
        ("X-Remote-Group", b"a"),
        ("X-Remote-Group", b"b"),
        ("X-Remote-Extra-a", b"a"),
        ("X-Remote-Other", b"a"),
        ("Accept", b"a"),
    ]);
    RequestHeaders::standard().remove(&mut all);
    assert_eq!(all.keys_len(), 2, "{all:?}");
}
