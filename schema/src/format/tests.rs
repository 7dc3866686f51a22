use super::*;

fn check(name: &str, yes: &[&str], no: &[&str]) {
    let format = Format::parse(name).unwrap();
    for text in yes {
        assert!(format.accepts(text), "{name}: {text:?}");
    }
    for text in no {
        assert!(!format.accepts(text), "{name}: {text:?}");
    }
}

#[test]
fn identifiers_and_numbers() {
    check(
        "bsonobjectid",
        &["507f1f77bcf86cd799439011"],
        &["507f", "z07f1f77bcf86cd799439011"],
    );
    check(
        "uuid",
        &[
            "A7B1C2D3-1111-4222-8333-444455556666",
            "a7b1c2d3111142228333444455556666",
        ],
        &[
            "a7b1c2d3-1111-4222-8333-44445555666",
            "a7b1c2d3--1111-4222-8333-444455556666",
            "ä",
        ],
    );
    check(
        "uuid4",
        &["a7b1c2d3-1111-4222-8333-444455556666"],
        &["a7b1c2d3-1111-4222-c333-444455556666"],
    );
    check(
        "uuid5",
        &["a7b1c2d3-1111-5222-c333-444455556666"],
        &["a7b1c2d3-1111-4222-8333-444455556666"],
    );
    check(
        "isbn",
        &["0-321-75104-3", "978-0321751041", "080442957X"],
        &["0321751044", "978-0321751042", ""],
    );
    check("isbn10", &["0321751043"], &["978-0321751041"]);
    check(
        "creditcard",
        &["4012 8888 8888 1881", "378282246310005"],
        &["4012888888881882", "1234", ""],
    );
    check(
        "ssn",
        &["111-22-3333", "111 22 3333"],
        &["111223333", "111-2-33333", "111_22_3333"],
    );
    check("hexcolor", &["#fff", "FF8000"], &["#ff", "#xyz"]);
    check(
        "rgbcolor",
        &["rgb(0, 255,12)"],
        &["rgb(256,0,0)", "rgb(01,0,0)", "1,2,3"],
    );
    check("byte", &["QQ==", "QUJD"], &["", "Q", "@@@@", "QQ=Q"]);
    check("password", &["", "x"], &[]);
}

#[test]
fn addresses() {
    check(
        "ipv4",
        &["1.2.3.4", "010.0.0.1"],
        &["256.1.1.1", "1.2.3", "1.2.3.4.5", "::1"],
    );
    check(
        "ipv6",
        &["::1", "::ffff:1.2.3.4"],
        &["1.2.3.4", "::g", "2001:db8"],
    );
    check(
        "cidr",
        &["10.0.0.0/8", "fd00::/64"],
        &["10.0.0.0/40", "10.0.0.0", "x/8", "10.0.0.0/+8"],
    );
    check(
        "mac",
        &["01:23:45:67:89:ab", "01-23-45-67-89-AB", "0123.4567.89ab"],
        &["01:23:45", "01:23:45:67:89-ab"],
    );
    check(
        "hostname",
        &["a", "example.com", "1a.example.org", "bücher.example"],
        &["", "under_score!", "a..b", "-a.b"],
    );
    check(
        "uri",
        &[
            "https://example.com/a?b#c",
            "/a",
            "mailto:a@b",
            "https://u:p@[::1]:80/",
        ],
        &[
            "",
            "example.com",
            "::x",
            "https://a b/",
            "https://a/%zz",
            "https://a:b/",
        ],
    );
    check(
        "email",
        &["a@example.com", "A B <a@b>", "\"x y\"@b", "a@[1.2.3.4]"],
        &["example.com", "a@", "@b", "a b@c", "a..b@c"],
    );
}

#[test]
fn times() {
    check(
        "date",
        &["2020-02-29"],
        &["2021-02-29", "2020-1-1", "2020-01-01T00:00:00Z"],
    );
    check(
        "date-time",
        &["2020-01-01T00:00:00Z", "2020-06-05t04:03:02.123+02:00"],
        &[
            "2020-13-01T00:00:00Z",
            "2020-01-01T24:00:00Z",
            "2020-01-01 00:00:00Z",
            "2020-01-01T00:00:00",
            "",
        ],
    );
    check(
        "duration",
        &["1h10m", "-1.5s", "0", "22 ns", "3 days", "in 2 weeks"],
        &["", "s3", "3 parsecs", "5", "99999999999999999999 s"],
    );
}

#[test]
fn names_and_unknown_formats() {
    check("k8s-short-name", &["a-b"], &["a.b", "A"]);
    check("k8s-long-name", &["a.b"], &["a_b"]);
    assert_eq!(Format::parse("int32"), None);
    assert_eq!(Format::parse("date-time"), Format::parse("datetime"));
}
