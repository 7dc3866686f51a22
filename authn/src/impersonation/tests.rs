use super::*;

fn headers(lines: &[(&str, &[u8])]) -> HeaderMap {
    let header = |(name, value): &(&str, &[u8])| {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        (name, HeaderValue::from_bytes(value).unwrap())
    };
    let mut headers = HeaderMap::new();
    for (name, value) in lines.iter().map(header) {
        headers.append(name, value);
    }
    headers
}

/// The user's name and groups, and the needs as `resource.group/subresource ns/name`.
fn parse(lines: &[(&str, &str)]) -> (String, Vec<String>, Vec<String>) {
    let lines: Vec<_> = lines
        .iter()
        .map(|(name, value)| (*name, value.as_bytes()))
        .collect();
    let requested = Impersonation::requested(&headers(&lines)).unwrap().unwrap();
    let need = |n: &Need| {
        let Need {
            group,
            resource,
            subresource,
            namespace,
            name,
        } = n;
        format!("{resource}.{group}/{subresource} {namespace}/{name}")
    };
    (
        requested.user.name,
        requested.user.groups,
        requested.needs.iter().map(need).collect(),
    )
}

fn list(words: &[&str]) -> Vec<String> {
    words.iter().map(|w| (*w).to_owned()).collect()
}

#[test]
fn users_accounts_and_groups_are_impersonated() {
    let robot = "system:serviceaccount:ns:robot";
    let user = |name| ("Impersonate-User", name);
    let group = |name| ("Impersonate-Group", name);
    for (lines, name, groups, needs) in [
        (
            vec![user("alice")],
            "alice",
            &["system:authenticated"][..],
            &["users./ /alice"][..],
        ),
        (
            vec![user("alice"), group("dev"), group("ops")],
            "alice",
            &["dev", "ops", "system:authenticated"],
            &["users./ /alice", "groups./ /dev", "groups./ /ops"],
        ),
        (
            vec![user("alice"), group("system:unauthenticated")],
            "alice",
            &["system:unauthenticated"],
            &["users./ /alice", "groups./ /system:unauthenticated"],
        ),
        (
            vec![user(robot)],
            robot,
            &[
                "system:serviceaccounts",
                "system:serviceaccounts:ns",
                "system:authenticated",
            ],
            &["serviceaccounts./ ns/robot"],
        ),
        (
            vec![group("dev"), user(robot)],
            robot,
            &["dev", "system:authenticated"],
            &["serviceaccounts./ ns/robot", "groups./ /dev"],
        ),
        (
            vec![user("system:serviceaccount:Not:valid")],
            "system:serviceaccount:Not:valid",
            &["system:authenticated"],
            &["users./ /system:serviceaccount:Not:valid"],
        ),
        (
            vec![user("system:anonymous")],
            "system:anonymous",
            &["system:unauthenticated"],
            &["users./ /system:anonymous"],
        ),
    ] {
        let expected = (name.to_owned(), list(groups), list(needs));
        assert_eq!(parse(&lines), expected);
    }
}

#[test]
fn extra_fields_and_uids_are_impersonated() {
    let lines: [(&str, &[u8]); 7] = [
        ("impersonate-user", b"alice"),
        ("impersonate-uid", b"7"),
        ("impersonate-extra-Scopes", b"b"),
        ("impersonate-extra-scopes", b"a"),
        ("impersonate-extra-example.com%2fKey", b"x"),
        ("impersonate-extra-broken%2", b"y"),
        ("x-impersonate-extra-z", b"z"),
    ];
    let requested = Impersonation::requested(&headers(&lines)).unwrap().unwrap();
    assert_eq!(requested.user.uid, "7");
    let extra: Vec<_> = requested
        .user
        .extra
        .iter()
        .map(|(k, v)| (k.as_str(), v.join(" ")))
        .collect();
    let expected = [
        ("broken%2", "y"),
        ("example.com/key", "x"),
        ("scopes", "b a"),
    ];
    assert_eq!(extra, expected.map(|(k, v)| (k, v.to_owned())));
    let needs: Vec<_> = requested
        .needs
        .iter()
        .map(|n| (n.resource, n.subresource.as_str(), n.name.as_str()))
        .collect();
    assert_eq!(
        needs,
        [
            ("users", "", "alice"),
            ("userextras", "broken%2", "y"),
            ("userextras", "example.com/key", "x"),
            ("userextras", "scopes", "b"),
            ("userextras", "scopes", "a"),
            ("uids", "", "7"),
        ]
    );
    assert!(
        requested.needs[1..]
            .iter()
            .all(|need| need.group == "authentication.k8s.io")
    );
}

#[test]
fn incomplete_headers_are_rejected() {
    let parse = |lines: &[(&str, &[u8])]| Impersonation::requested(&headers(lines));
    assert_eq!(parse(&[]), Ok(None));
    assert_eq!(
        parse(&[("authorization", b"Bearer x"), ("impersonate-user", b"")]),
        Ok(None)
    );
    for header in [
        "impersonate-group",
        "impersonate-uid",
        "impersonate-extra-x",
    ] {
        assert_eq!(parse(&[(header, b"x")]), Err(HeaderError::NoUser));
        assert_eq!(
            parse(&[("impersonate-user", b""), (header, b"x")]),
            Err(HeaderError::NoUser)
        );
    }
    let bad = Err(HeaderError::NotText(HeaderName::from_static(
        "impersonate-user",
    )));
    assert_eq!(parse(&[("impersonate-user", b"\xff")]), bad);
}
