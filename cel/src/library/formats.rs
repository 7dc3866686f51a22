//! Named formats, and whether a text has one.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_api::name;

use crate::error::EvalError;
use crate::library::url::Url;
use crate::library::{Form, Library, Run, list, mismatch};
use crate::types::Type::{self, String};
use crate::value::{Evaluated, Opaque, Timestamp, Value};

const FORMAT: Type = Type::Opaque("kubernetes.NamedFormat");

/// A format that has a name.
#[derive(Debug)]
pub struct Format {
    pub(crate) name: &'static str,
    /// The length of the expression that its cost is counted by.
    pub(crate) regex_size: u64,
    validate: fn(&str) -> Vec<std::string::String>,
}

const fn format(
    name: &'static str,
    regex_size: u64,
    validate: fn(&str) -> Vec<std::string::String>,
) -> Format {
    Format {
        name,
        regex_size,
        validate,
    }
}

/// What is not longer than a date and time is priced as one.
const DATE_TIME_PATTERN: u64 = 103;

static FORMATS: [Format; 13] = [
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

/// `format.dns1123Label()` and its like.
const CONSTANTS: [(&str, Run); 13] = [
    ("format.dns1123Label", |_, _| constant(0)),
    ("format.dns1123Subdomain", |_, _| constant(1)),
    ("format.dns1035Label", |_, _| constant(2)),
    ("format.qualifiedName", |_, _| constant(3)),
    ("format.dns1123LabelPrefix", |_, _| constant(4)),
    ("format.dns1123SubdomainPrefix", |_, _| constant(5)),
    ("format.dns1035LabelPrefix", |_, _| constant(6)),
    ("format.labelValue", |_, _| constant(7)),
    ("format.uri", |_, _| constant(8)),
    ("format.uuid", |_, _| constant(9)),
    ("format.byte", |_, _| constant(10)),
    ("format.date", |_, _| constant(11)),
    ("format.datetime", |_, _| constant(12)),
];

pub(super) fn add(lib: &mut Library) {
    for (name, run) in CONSTANTS {
        lib.global(name, [Form(name, Vec::new(), FORMAT, run)]);
    }
    lib.global(
        "format.named",
        [Form(
            "format-named",
            vec![String],
            Type::optional(FORMAT),
            |_, a| {
                let name = a
                    .first()
                    .and_then(Value::as_str)
                    .ok_or_else(EvalError::no_such_overload)?;
                let found = FORMATS.iter().find(|format| format.name == name);
                Ok(found.map_or(Value::Optional(None), |f| {
                    Value::some(Value::opaque(Opaque::Format(f)))
                }))
            },
        )],
    );
    let errors = Type::optional(list(String));
    lib.member(
        "validate",
        [Form(
            "format-validate",
            vec![FORMAT, String],
            errors,
            |m, a| match a {
                [Value::Opaque(opaque), Value::String(text)] => {
                    let Opaque::Format(format) = &**opaque else {
                        return mismatch();
                    };
                    m.reserve(text.as_str().len() * 2)?;
                    let errors = (format.validate)(text.as_str());
                    if errors.is_empty() {
                        return Ok(Value::Optional(None));
                    }
                    let errors = errors.into_iter().map(Value::text).collect();
                    Ok(Value::some(Value::values(errors)))
                }
                _ => mismatch(),
            },
        )],
    );
}

fn constant<'a>(index: usize) -> Evaluated<'a> {
    Ok(Value::opaque(Opaque::Format(&FORMATS[index])))
}

fn unless(valid: bool, message: &str) -> Vec<std::string::String> {
    if valid {
        Vec::new()
    } else {
        vec![message.to_owned()]
    }
}

/// A name that something will be appended to may end in a dash.
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

fn uri(text: &str) -> Vec<std::string::String> {
    match Url::parse(text) {
        Ok(_) => Vec::new(),
        Err(error) => {
            let text = error.to_string();
            let why = text.strip_prefix("URL parse error during conversion from string: ");
            vec![why.unwrap_or(&text).to_owned()]
        }
    }
}

/// Dashes may be left out.
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
