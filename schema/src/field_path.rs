//! The syntax of field paths of selectable fields and rules, such as `.spec['a.b'].c`
//! (`k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel`, `ValidFieldPath`).

/// Reads a field path, and calls `step` with each name. `brackets` are allowed in paths of rules.
///
/// # Errors
/// Of the syntax, or of `step`.
pub(crate) fn read(
    text: &str,
    brackets: bool,
    step: &mut dyn FnMut(String) -> Result<(), String>,
) -> Result<(), String> {
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
        step(name)?;
    }
    Ok(())
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
