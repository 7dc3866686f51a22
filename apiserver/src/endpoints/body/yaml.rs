//! YAML as Kubernetes reads it.

use serde_json::Value;
use serde_saphyr::Error;
use serde_saphyr::budget::{Budget, EnforcingPolicy, check_yaml_budget};

/// How many events aliases may stand for, for each event that is written out (upstream:
/// `allowedAliasRatio` of go-yaml: 99 of 100 steps may come from aliases).
const ALIAS_RATIO: usize = 99;
/// So many may come from aliases in any document, and in the largest one.
const ALIASED_MIN: usize = 1_000;
const ALIASED_MAX: usize = 400_000;

/// How many events may be kept for aliases to come, and how many bytes: each anchor keeps all that is
/// inside it, other anchors' too.
const KEPT_EVENTS: usize = 100_000;
const KEPT_BYTES: usize = 8 << 20;

/// Reads YAML 1.1, with octal numbers. A few lines in which each alias stands for ten others are
/// refused before they have become millions.
///
/// # Errors
/// What the parser finds and where, without the lines around it: they may hold a secret.
pub fn parse(bytes: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(bytes).map_err(|e| e.to_string())?;
    let options = serde_saphyr::options! {
        legacy_octal_numbers: true,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_recorded_anchor_events: KEPT_EVENTS,
            max_recorded_anchor_bytes: KEPT_BYTES,
            // many may share one value; what that comes to is limited below
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: aliased_max(text) },
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        if aliases_too_much(&error) {
            "document contains excessive aliasing".into()
        } else {
            error.without_snippet().to_string()
        }
    })
}

fn aliased_max(text: &str) -> usize {
    // documents without one are not read twice
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
    fn anchors_in_anchors_are_not_kept_without_end() {
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
            let error = parse(text.as_bytes()).unwrap_err();
            assert!(
                !error.contains("secret\n") && !error.contains(": secret"),
                "{error}"
            );
            assert_eq!(error.lines().count(), 1, "{error}");
        }
    }

    #[test]
    fn bombs_do_not_go_off() {
        for depth in [4, 6, 9, 40] {
            assert_eq!(
                parse(lists(depth).as_bytes()).unwrap_err(),
                "document contains excessive aliasing",
                "{depth}"
            );
        }
    }
}
