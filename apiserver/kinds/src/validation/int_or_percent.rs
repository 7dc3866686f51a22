//! Numbers or percentages (upstream: `ValidatePositiveIntOrPercent` in
//! `pkg/apis/apps/validation/validation.go`).

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use portcullis_api::field_error::{BadValue, go_quote};
use portcullis_api::{ErrorList, FieldError, Path};

use super::not_negative;

/// The percentage in a text.
fn percent(text: &str) -> Option<u32> {
    let digits = text.strip_suffix('%')?;
    let numeric = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    numeric.then(|| digits.parse().unwrap_or(u32::MAX))
}

/// A number that is not negative, or a percentage.
pub fn validate_int_or_percent(value: &IntOrString, path: &Path, errors: &mut ErrorList) {
    match value {
        IntOrString::Int(number) => not_negative(Some((*number).into()), path, errors),
        IntOrString::String(text) if percent(text).is_none() => {
            let detail = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
            errors.push(FieldError::invalid(path, go(value), detail));
        }
        IntOrString::String(_) => {}
    }
}

/// A percentage must not exceed 100.
pub fn validate_at_most_all(value: &IntOrString, path: &Path, errors: &mut ErrorList) {
    if let IntOrString::String(text) = value
        && percent(text).is_some_and(|p| p > 100)
    {
        let detail = "must not be greater than 100%";
        errors.push(FieldError::invalid(path, go(value), detail));
    }
}

/// Whether a number or percentage is zero.
pub fn is_zero(value: &IntOrString) -> bool {
    match value {
        IntOrString::Int(number) => *number == 0,
        IntOrString::String(text) => {
            percent(text).is_none_or(|p| p == 0) && text.parse::<i64>().unwrap_or_default() == 0
        }
    }
}

/// The value as Go's `%#v` prints it.
pub fn go(value: &IntOrString) -> BadValue {
    let (kind, number, text) = match value {
        IntOrString::Int(number) => (0, *number, ""),
        IntOrString::String(text) => (1, 0, text.as_str()),
    };
    BadValue::go(format!(
        "intstr.IntOrString{{Type:{kind}, IntVal:{number}, StrVal:{}}}",
        go_quote(text)
    ))
}

/// The value in the form of Tables.
pub fn display(value: &IntOrString) -> String {
    match value {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(text) => text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(value: &IntOrString) -> Vec<String> {
        let mut errors = ErrorList::new();
        validate_int_or_percent(value, &Path::new("p"), &mut errors);
        validate_at_most_all(value, &Path::new("p"), &mut errors);
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn numbers_and_percentages() {
        let text = |t: &str| IntOrString::String(t.into());
        for (value, zero, wrong) in [
            (IntOrString::Int(0), true, 0),
            (IntOrString::Int(5), false, 0),
            (IntOrString::Int(-1), false, 1),
            (text("0%"), true, 0),
            (text("100%"), false, 0),
            (text("101%"), false, 1),
            (text("99999999999%"), false, 1),
            (text("x"), true, 1),
            (text("%"), true, 1),
            (text("-5%"), true, 1),
        ] {
            assert_eq!(is_zero(&value), zero, "{value:?}");
            assert_eq!(mistakes(&value).len(), wrong, "{value:?}");
        }
        assert_eq!(
            mistakes(&text("150%")),
            [
                "p: Invalid value: intstr.IntOrString{Type:1, IntVal:0, StrVal:\"150%\"}: must not be greater than 100%"
            ]
        );
    }
}
