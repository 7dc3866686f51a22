use super::*;

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

#[test]
fn label_selectors_match_as_upstream() {
    let object = labels(&[("app", "web"), ("tier", "2"), ("empty", "")]);
    for (selector, matches) in [
        ("", true),
        ("app", true),
        ("!app", false),
        ("!none", true),
        ("app=web", true),
        ("app==web", true),
        ("app = web , tier=2", true),
        ("app!=web", false),
        ("none!=web", true),
        ("app in (web,db)", true),
        ("app in (db)", false),
        ("app notin (db)", true),
        ("none notin (db)", true),
        ("tier>1", true),
        ("tier<2", false),
        ("app>1", false),
        ("empty=", true),
        ("empty in ()", true),
        ("app in (web),!none", true),
        ("in=x", false),
        ("app in (in)", false),
    ] {
        assert_eq!(
            LabelSelector::parse(selector)
                .unwrap()
                .matches(Some(&object)),
            matches,
            "{selector:?}"
        );
    }
}

#[test]
fn malformed_label_selectors_are_rejected_with_upstreams_messages() {
    for (selector, text) in [
        (
            "app in",
            "unable to parse requirement: found '', expected: '('",
        ),
        (
            "=a",
            "unable to parse requirement: found '=', expected: identifier",
        ),
        ("a,", "found '', expected: identifier after ','"),
        (
            "a b",
            "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
        ),
        (
            "a in (b",
            "unable to parse requirement: found '', expected: ',' or ')'",
        ),
        (
            "a>x",
            "unable to parse requirement: values[0][a]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
        ),
    ] {
        assert_eq!(
            LabelSelector::parse(selector).unwrap_err().to_string(),
            text,
            "{selector:?}"
        );
    }
    for bad in ["a=b c", "-a", "a=(", "!a=b", "a=-b-"] {
        assert!(LabelSelector::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn an_absent_selector_matches_nothing_and_an_empty_one_everything() {
    let object = labels(&[]);
    assert!(!LabelSelector::of(None).matches(Some(&object)));
    assert!(LabelSelector::of(Some(&meta::LabelSelector::default())).matches(None));
}

#[test]
fn field_selectors_compare_and_escape() {
    let fields = |name: &str| (name == "metadata.name").then_some("a,b");
    for (selector, matches) in [
        (r"metadata.name=a\,b", true),
        (r"metadata.name!=a\,b", false),
        ("spec.nodeName=", true),
        ("metadata.name==x", false),
        ("", true),
        (",", true),
    ] {
        assert_eq!(
            FieldSelector::parse(selector).unwrap().matches(fields),
            matches,
            "{selector:?}"
        );
    }
    assert_eq!(
        FieldSelector::parse("metadata.name")
            .unwrap_err()
            .to_string(),
        "invalid selector: 'metadata.name'; can't understand 'metadata.name'"
    );
}
