//! Named formats.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_api::name;

use super::url::Url;
use crate::value::Timestamp;

/// A named format.
#[derive(Debug)]
pub struct Format {
    pub(crate) name: &'static str,
    /// The length of the regular expression from which its cost is computed.
    pub(crate) regex_size: u64,
    validate: fn(&str) -> Vec<String>,
}

impl Format {
    /// The errors of a string.
    pub(crate) fn validate(&self, text: &str) -> Vec<String> {
        (self.validate)(text)
    }
}

const fn format(name: &'static str, regex_size: u64, validate: fn(&str) -> Vec<String>) -> Format {
    Format {
        name,
        regex_size,
        validate,
    }
}

/// The minimum, which is that of a date and time.
const DATE_TIME_PATTERN: u64 = 103;

/// All formats.
pub(crate) static FORMATS: [Format; 13] = [
    format("dns1123Label", 30, name::dns1123_label),
    format("dns1123Subdomain", 60, name::dns1123_subdomain),
    format("dns1035Label", 30, name::dns1035_label),
    format("qualifiedName", 60, name::qualified_name),
    format("dns1123LabelPrefix", 30, |text| {
        name::dns1123_label(&prefix(text))
    }),
    format("dns1123SubdomainPrefix", 60, |text| {
        name::dns1123_subdomain(&prefix(text))
    }),
    format("dns1035LabelPrefix", 30, |text| {
        name::dns1035_label(&prefix(text))
    }),
    format("labelValue", 40, name::label_value),
    format("uri", 1103, uri),
    format("uuid", 69, |text| {
        unless(is_uuid(text), "does not match the UUID format")
    }),
    format("byte", 84, |text| {
        unless(STANDARD.decode(text).is_ok(), "invalid base64")
    }),
    format("date", DATE_TIME_PATTERN, |text| {
        unless(is_date(text), "invalid date")
    }),
    format("datetime", DATE_TIME_PATTERN, |text| {
        unless(
            Timestamp::parse(&text.to_uppercase()).is_some(),
            "invalid datetime",
        )
    }),
];

fn unless(valid: bool, message: &str) -> Vec<String> {
    if valid {
        Vec::new()
    } else {
        vec![message.to_owned()]
    }
}

/// A name prefix, which may end in a dash.
fn prefix(text: &str) -> Cow<'_, str> {
    match text.strip_suffix('-') {
        Some(rest) => {
            let mut rest = rest.to_owned();
            if rest.pop().is_some() {
                rest.push('a');
                return Cow::Owned(rest);
            }
            Cow::Borrowed(text)
        }
        None => Cow::Borrowed(text),
    }
}

fn uri(text: &str) -> Vec<String> {
    match Url::parse(text) {
        Ok(_) => Vec::new(),
        Err(error) => {
            let text = error.to_string();
            let why = text.strip_prefix("URL parse error during conversion from string: ");
            vec![why.unwrap_or(&text).to_owned()]
        }
    }
}

/// Dashes are optional.
fn is_uuid(text: &str) -> bool {
    let mut rest = text;
    for (length, last) in [(8, false), (4, false), (4, false), (4, false), (12, true)] {
        let Some(group) = rest.get(..length) else {
            return false;
        };
        if !group.bytes().all(|b| b.is_ascii_hexdigit()) {
            return false;
        }
        rest = &rest[length..];
        if !last {
            rest = rest.strip_prefix('-').unwrap_or(rest);
        }
    }
    rest.is_empty()
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && Timestamp::parse(&format!("{text}T00:00:00Z")).is_some()
}
