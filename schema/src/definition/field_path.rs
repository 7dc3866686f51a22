//! Field paths of selectable fields and rules
//! (`k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel`, `ValidFieldPath`).

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;

use super::parts;

type Found<'p> = (Vec<String>, Option<&'p JSONSchemaProps>);

/// The names on a path, and the schema at its end, which is `None` below `additionalProperties:
/// true`.
pub(super) fn resolve<'p>(
    text: &str,
    props: &'p JSONSchemaProps,
    brackets: bool,
) -> Result<Found<'p>, String> {
    let mut at = Some(props);
    let mut names = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let name = if let Some(after) = rest.strip_prefix('[') {
            if !brackets {
                return Err("array notation is not allowed".to_owned());
            }
            let (name, after) = bracketed(after)?;
            rest = after;
            name
        } else if let Some(after) = rest.strip_prefix('.') {
            if after.is_empty() {
                return Err("unexpected end of JSON path".to_owned());
            }
            // upstream's scanner treats a delimiter as a name
            let end = match after.find(['.', '[', ']']) {
                Some(0) => 1,
                Some(end) => end,
                None => after.len(),
            };
            rest = &after[end..];
            after[..end].to_owned()
        } else {
            let end = rest.find(['.', '[', ']']).unwrap_or(rest.len()).max(1);
            return Err(format!(
                "expected [ or . but got: {}",
                rest.get(..end).unwrap_or(rest)
            ));
        };
        at = below(at, &name)?;
        names.push(name);
    }
    Ok((names, at))
}

fn below<'p>(
    props: Option<&'p JSONSchemaProps>,
    name: &str,
) -> Result<Option<&'p JSONSchemaProps>, String> {
    let not_found = || Err("does not refer to a valid field".to_owned());
    let Some(props) = props else {
        return not_found();
    };
    let declared = props.properties.as_ref().filter(|p| !p.is_empty());
    match declared {
        Some(declared) => declared.get(name).map(Some).map_or_else(not_found, Ok),
        None if props.additional_properties.is_some() => Ok(parts(props).values),
        None => not_found(),
    }
}

/// Parses a quoted name up to its closing bracket. Returns it and the rest.
fn bracketed(text: &str) -> Result<(String, &str), String> {
    let Some(quoted) = text.strip_prefix('\'') else {
        if text.is_empty() {
            return Err("unexpected end of JSON path".to_owned());
        }
        let end = text.find(['.', '[', ']']).unwrap_or(text.len()).max(1);
        let got = text.get(..end).unwrap_or(text);
        return Err(format!("expected single quoted string but got {got}"));
    };
    let mut name = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\'' => {
                let rest = &quoted[at + 1..];
                return match rest.strip_prefix(']') {
                    Some(after) => Ok((name, after)),
                    None if rest.is_empty() => Err("unexpected end of JSON path".to_owned()),
                    None => Err(format!(
                        "expected ] but got {}",
                        rest.split(['.', '[', ']']).next().unwrap_or_default()
                    )),
                };
            }
            '\\' => name.push(escaped(chars.next().map(|(_, c)| c))?),
            c => name.push(c),
        }
    }
    Err(format!("expected single quoted string but got '{quoted}"))
}

fn escaped(c: Option<char>) -> Result<char, String> {
    match c {
        Some('a') => Ok('\u{7}'),
        Some('b') => Ok('\u{8}'),
        Some('f') => Ok('\u{c}'),
        Some('n') => Ok('\n'),
        Some('r') => Ok('\r'),
        Some('t') => Ok('\t'),
        Some('v') => Ok('\u{b}'),
        Some(c @ ('\'' | '"' | '\\')) => Ok(c),
        Some(c) => Err(format!("invalid string literal: invalid escape char {c}")),
        None => Err("unexpected end of JSON path".to_owned()),
    }
}
