use super::*;

fn matches(pattern: &str, text: &str) -> bool {
    check(pattern).unwrap();
    Pattern::new(pattern).matches(text)
}

#[test]
fn expressions_match_as_in_go() {
    for (pattern, yes, no) in [
        ("^v[0-9]+$", "v12", "vv"),
        (r"^\d+$", "12", "١٢"),
        (r"^\w$", "a", "ä"),
        (r"^[\w.]+$", "a.b", "a-b"),
        (r"^[^\s]$", "a", " "),
        (r"^[\D]$", "a", "1"),
        ("^[[a]$", "[", "b"),
        ("^[a&&b]+$", "a&b", "c"),
        ("^[+--]$", ",", "."),
        ("^[]a]$", "]", "b"),
        ("^a{,2}$", "a{,2}", "aa"),
        ("^{}$", "{}", ""),
        (r"^\Qa.b\E$", "a.b", "axb"),
        (r"^[[:alpha:]_]+$", "a_", "1"),
        (r"^(?P<name>a|b)$", "b", "c"),
        (r"^(?i)abc$", "ABC", "abd"),
        (r"^\x41\x{42}\101$", "ABA", "AB"),
        (r"^\/x\-\_$", "/x-_", "x"),
        (r"\bfoo\b", "a foo b", "afoo"),
        ("^é{2}$", "éé", "é"),
        (r"^\<a\>$", "<a>", "a"),
        (r"^\pL+$", "äb", "1"),
    ] {
        assert!(matches(pattern, yes), "{pattern} {yes}");
        assert!(!matches(pattern, no), "{pattern} {no}");
    }
}

#[test]
fn errors_have_the_messages_of_go() {
    for (pattern, text) in [
        ("*a", "missing argument to repetition operator: `*`"),
        ("a|*", "missing argument to repetition operator: `*`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("(a", "missing closing ): `(a`"),
        ("a)", "unexpected ): `a)`"),
        ("[a", "missing closing ]: `[a`"),
        ("[z-a]", "invalid character class range: `z-a`"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("(?<!a)", "invalid named capture: `(?<!a)`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("a{3,2}", "invalid repeat count: `{3,2}`"),
        (r"\8", r"invalid escape sequence: `\8`"),
        (r"\", "trailing backslash at end of expression: ``"),
        (r"\p{Nope}", r"invalid character class range: `\p{Nope}`"),
    ] {
        let error = check(pattern).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("error parsing regexp: {text}"),
            "{pattern}"
        );
    }
}

#[test]
fn long_repetitions_of_large_classes_are_accepted() {
    for pattern in [r"^[^\s]{1,1000}$", "^.{1,1000}$"] {
        assert_eq!(check(pattern), Ok(()), "{pattern}");
    }
}

#[test]
fn expensive_expressions_are_rejected_or_fast() {
    assert_eq!(
        check("((a{1000}){1000}){1000}"),
        Err(PatternError::TooLarge)
    );
    assert!(!matches("^(a+)+$", &("a".repeat(50_000) + "b")));
    assert!(check(&"(".repeat(100_000)).is_err());
}
