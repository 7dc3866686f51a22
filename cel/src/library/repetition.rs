//! Repetitions of repetitions, such as `a++`, which RE2 rejects and Rust does not.

/// The first repetition operators that follow each other.
pub(super) fn nested_repetition(pattern: &str) -> Option<&str> {
    let mut last = None;
    let mut at = 0;
    while at < pattern.len() {
        let rest = &pattern[at..];
        let Some(len) = operator(rest).filter(|_| !pattern[..at].ends_with('(')) else {
            at += literal(rest);
            last = None;
            continue;
        };
        // a lazy operator
        let end = at + len + usize::from(rest[len..].starts_with('?'));
        if let Some(start) = last {
            return pattern.get(start..end);
        }
        last = Some(at);
        at = end;
    }
    None
}

/// The length of the repetition operator at the start, if there is one.
fn operator(text: &str) -> Option<usize> {
    if text.starts_with(['*', '+', '?']) {
        return Some(1);
    }
    let (range, _) = text.strip_prefix('{')?.split_once('}')?;
    let (min, max) = range.split_once(',').unwrap_or((range, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    (!min.is_empty() && digits(min) && digits(max)).then_some(range.len() + 2)
}

/// The length of the character, escape or class at the start.
fn literal(text: &str) -> usize {
    let first = |text: &str| text.chars().next().map_or(0, char::len_utf8);
    if let Some(quoted) = text.strip_prefix("\\Q") {
        return quoted.find("\\E").map_or(text.len(), |end| end + 4);
    }
    if let Some(escaped) = text.strip_prefix('\\') {
        return 1 + first(escaped);
    }
    if text.starts_with('[') {
        return class(text);
    }
    first(text)
}

/// The length of a class, in which operators are characters.
fn class(text: &str) -> usize {
    let mut at = if text.starts_with("[^") { 2 } else { 1 };
    let start = at;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        at += match c {
            ']' if at > start => return at + 1,
            '\\' => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            '[' if rest.starts_with("[:") => rest.find(":]").map_or(1, |end| end + 2),
            c => c.len_utf8(),
        };
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_may_not_follow_each_other() {
        for (pattern, wrong) in [
            ("a++", Some("++")),
            ("xa*?*b", Some("*?*")),
            ("(a)+{2}", Some("+{2}")),
            ("a{2,3}??b?", Some("{2,3}??")),
            ("é**", Some("**")),
            ("a+?b*", None),
            ("(?:a)+", None),
            (r"a\++[*+]*[]+*]", None),
            (r"\Q++\E[[:alpha:]*+]{2}", None),
            ("a+{x}", None),
            ("", None),
            (r"\", None),
            ("[", None),
        ] {
            assert_eq!(nested_repetition(pattern), wrong, "{pattern}");
        }
    }
}
