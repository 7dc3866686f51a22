//! YAML as Kubernetes reads it.

use portcullis_api::field_error::go_quote;
use serde_json::Value;
use serde_saphyr::budget::{Budget, EnforcingPolicy, check_yaml_budget};
use serde_saphyr::{Error, Location};

/// How many events may come from aliases for each event in the text (upstream: `allowedAliasRatio` of
/// go-yaml: 99 of 100 steps may come from aliases).
const ALIAS_RATIO: usize = 99;
/// So many may come from aliases in any document, and in the largest one.
const ALIASED_MIN: usize = 1_000;
const ALIASED_MAX: usize = 400_000;

/// How many events, and how many bytes, may be kept for later aliases: each anchor keeps its whole contents,
/// nested anchors included.
const KEPT_EVENTS: usize = 100_000;
const KEPT_BYTES: usize = 8 << 20;

/// Why a text is not acceptable YAML, in one line.
#[derive(Debug, thiserror::Error)]
pub enum YamlError {
    /// A mapping has a duplicate key.
    #[error("line {line}: key {} already set in map", go_quote(key))]
    Twice {
        /// The line of its second value.
        line: usize,
        /// The key.
        key: String,
    },
    /// The parser's error.
    #[error("{0}")]
    Other(String),
}

impl YamlError {
    /// go-yaml's text, which lists the errors in the contents.
    pub fn in_go(&self) -> String {
        match self {
            Self::Twice { .. } => format!("yaml: unmarshal errors:\n  {self}"),
            Self::Other(why) => format!("yaml: {why}"),
        }
    }
}

/// Parses YAML 1.1, with octal numbers. A few lines in which each alias stands for ten others are rejected
/// before they expand to millions.
///
/// # Errors
/// The parser's error and its position, without the surrounding lines, which may contain a secret.
pub fn parse(bytes: &[u8]) -> Result<Value, YamlError> {
    let text = std::str::from_utf8(bytes).map_err(|e| YamlError::Other(e.to_string()))?;
    let options = serde_saphyr::options! {
        legacy_octal_numbers: true,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_recorded_anchor_events: KEPT_EVENTS,
            max_recorded_anchor_bytes: KEPT_BYTES,
            // many aliases may share one value; the expanded size is limited below
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: aliased_max(text) },
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        if aliases_too_much(&error) {
            return YamlError::Other("document contains excessive aliasing".into());
        }
        match error.without_snippet() {
            Error::DuplicateMappingKey {
                key: Some(key),
                location,
            } => YamlError::Twice {
                line: line_of_value(text, location),
                key: key.clone(),
            },
            error => YamlError::Other(error.to_string()),
        }
    })
}

/// The line in which the value of a key begins, counted from 1: often the key's own.
fn line_of_value(text: &str, key: &Location) -> usize {
    let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let (line, column) = (number(key.line()), number(key.column()));
    let uncommented = |line: &str| {
        let end = line.find(" #").unwrap_or(line.len());
        line[..end].trim_end().to_owned()
    };
    let mut lines = text.lines().zip(1_usize..).skip(line.saturating_sub(1));
    let ends_with_key = |line: &str| uncommented(line).ends_with(':');
    if !lines.next().is_some_and(|(line, _)| ends_with_key(line)) {
        return line;
    }
    let empty = |line: &str| line.is_empty() || line.starts_with('#');
    let next = lines.find(|(line, _)| !empty(line.trim()));
    next.map_or(line, |(text, below)| {
        let rest = text.trim_start();
        let indent = text.len() - rest.len();
        // The items of a list may be at the same indentation as its key.
        let inside = indent >= column || (indent + 1 == column && rest.starts_with('-'));
        if inside { below } else { line }
    })
}

fn aliased_max(text: &str) -> usize {
    // documents without aliases are not parsed twice
    if !text.contains('*') {
        return ALIASED_MIN;
    }
    let report = check_yaml_budget(text, Budget::default(), EnforcingPolicy::AllContent);
    let written = report.map_or(0, |r| r.events);
    (written * ALIAS_RATIO).clamp(ALIASED_MIN, ALIASED_MAX)
}

fn aliases_too_much(error: &Error) -> bool {
    match error.without_snippet() {
        Error::AliasReplayLimitExceeded { .. } | Error::AliasReplayCounterOverflow { .. } => true,
        Error::AliasError { error, .. } => {
            matches!(error.without_snippet(), Error::Budget { .. }) || aliases_too_much(error)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten letters, and lists of ten of the list before.
    fn lists(depth: usize) -> String {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..=depth {
            let before = vec![format!("*a{}", i - 1); 10].join(", ");
            text += &format!("a{i}: &a{i} [{before}]\n");
        }
        text
    }

    #[test]
    fn aliases_stand_for_what_they_name() {
        let value = parse(b"a: &a {b: 1}\nc: [*a, *a]").unwrap();
        assert_eq!(
            value,
            serde_json::json!({"a": {"b": 1}, "c": [{"b": 1}, {"b": 1}]})
        );
        assert!(parse(lists(2).as_bytes()).is_ok());
    }

    #[test]
    fn nested_anchors_are_bounded() {
        let (open, letters) = (
            (0..59).map(|i| format!("&a{i} [")).collect::<String>(),
            "a,".repeat(16_500),
        );
        let text = format!("x: {open}{letters}{}", "]".repeat(59));
        assert!(parse(text.as_bytes()).is_err());
    }

    #[test]
    fn many_may_share_one_value() {
        let text = format!("a: &a x\nb: [{}]", vec!["*a"; 500].join(", "));
        assert_eq!(parse(text.as_bytes()).unwrap()["b"][499], "x");
    }

    #[test]
    fn errors_do_not_quote_what_was_sent() {
        for text in [
            "password: secret\npassword: secret",
            "a: secret\nb: [",
            "a: \"secret\nb: x",
            "- secret: [\n- secret",
        ] {
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(
                !error.contains("secret\n") && !error.contains(": secret"),
                "{error}"
            );
            assert_eq!(error.lines().count(), 1, "{error}");
        }
    }

    /// go-yaml reports the line of the value, not that of the key.
    #[test]
    fn a_duplicate_key_has_gos_text() {
        for (text, line, key) in [
            ("a: 1\na: 2", 2, "a"),
            ("m:\n  a: 1\n  b: 1\n  a: 2\n", 4, "a"),
            ("a: 1\na: # that\n\n  # this\n  b: 2\n", 5, "a"),
            ("a: 1\na:\n- 2", 3, "a"),
            ("m:\n  a: 1\n  a:\nb: 1", 3, "a"),
            ("{a: 1, \"a\": 2}", 1, "a"),
            ("\"a\\\"\": 1\n\"a\\\"\": 2", 2, "a\\\""),
        ] {
            let expected =
                format!("yaml: unmarshal errors:\n  line {line}: key \"{key}\" already set in map");
            let error = parse(text.as_bytes()).unwrap_err();
            assert_eq!(error.in_go(), expected, "{text}");
        }
    }

    #[test]
    fn alias_bombs_are_rejected() {
        for depth in [4, 6, 9, 40] {
            assert_eq!(
                parse(lists(depth).as_bytes()).unwrap_err().to_string(),
                "document contains excessive aliasing",
                "{depth}"
            );
        }
    }
}
