//! Parses expressions.

use serde_json::Value;

use super::{Filter, LENGTH_MAX, Operand, Operator, ParseError, Step};

type Result<T> = std::result::Result<T, ParseError>;

fn error<T>(text: impl Into<String>) -> Result<T> {
    Err(ParseError(text.into()))
}

pub(super) fn parse(text: &str) -> Result<Vec<Step>> {
    if text.len() > LENGTH_MAX {
        return error("the expression is too long");
    }
    let text = text.trim().strip_prefix('$').unwrap_or(text.trim());
    steps(text)
}

fn steps(mut rest: &str) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("..") {
            steps.push(Step::Recursive);
            rest = after;
            // `..` is followed directly by a name or bracket
            if !rest.starts_with(['[', '.']) && !rest.is_empty() {
                rest = field(rest, &mut steps)?;
            }
        } else if let Some(after) = rest.strip_prefix('.') {
            rest = if after.starts_with('[') || after.is_empty() {
                after
            } else {
                field(after, &mut steps)?
            };
        } else if let Some(after) = rest.strip_prefix('[') {
            let end = closing(after)?;
            steps.push(brackets(&after[..end])?);
            rest = &after[end + 1..];
        } else if steps.is_empty() {
            rest = field(rest, &mut steps)?;
        } else {
            return error(format!("unexpected text {rest:?}"));
        }
    }
    Ok(steps)
}

/// A name up to the next dot or bracket that is not escaped by a backslash.
fn field<'t>(text: &'t str, steps: &mut Vec<Step>) -> Result<&'t str> {
    let mut name = String::new();
    let mut escaped = false;
    let mut end = text.len();
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => {
                escaped = false;
                name.push(c);
            }
            '\\' => escaped = true,
            '.' | '[' => {
                end = at;
                break;
            }
            '{' | '}' | ']' | '(' | ')' | ' ' | ',' | '@' | '"' | '\'' | '|' => {
                return error(format!("unexpected character {c:?}"));
            }
            _ => name.push(c),
        }
    }
    match name.as_str() {
        "" => return error("a field name is missing"),
        "*" => steps.push(Step::Wildcard),
        _ => steps.push(Step::Field(name.into())),
    }
    Ok(&text[end..])
}

/// The offset of the closing bracket, outside of quotes and nested brackets.
fn closing(text: &str) -> Result<usize> {
    let mut quote = None;
    let mut depth = 0_usize;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(q), c) if q == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '[') => depth += 1,
            (None, ']') if depth == 0 => return Ok(at),
            (None, ']') => depth -= 1,
            _ => {}
        }
    }
    error("unterminated array")
}

fn brackets(text: &str) -> Result<Step> {
    let text = text.trim();
    if let Some(filter) = text.strip_prefix("?(").and_then(|t| t.strip_suffix(')')) {
        return Ok(Step::Filter(Box::new(condition(filter)?)));
    }
    let parts = split(text, ',');
    if let [part] = parts.as_slice() {
        return element(part.trim());
    }
    let parts: Result<Vec<_>> = parts.into_iter().map(|part| element(part.trim())).collect();
    parts.map(Step::Union)
}

/// Splits outside of quotes.
fn split(text: &str, by: char) -> Vec<&str> {
    let mut quote = None;
    text.split(|c| match quote {
        Some(q) => {
            if c == q {
                quote = None;
            }
            false
        }
        None => {
            if matches!(c, '"' | '\'') {
                quote = Some(c);
            }
            c == by
        }
    })
    .collect()
}

fn element(text: &str) -> Result<Step> {
    if text == "*" {
        return Ok(Step::Wildcard);
    }
    if let Some(name) = quoted(text) {
        return Ok(Step::Field(name.into()));
    }
    let number = |text: &str| match text.trim() {
        "" => Ok(None),
        n => n
            .parse()
            .map(Some)
            .or_else(|_| error(format!("invalid array index {text}"))),
    };
    let parts: Vec<_> = text.split(':').collect();
    match parts.as_slice() {
        [index] => match number(index)? {
            Some(index) => Ok(Step::Index(index)),
            None => error("an index is missing"),
        },
        [start, end] => Ok(slice(number(start)?, number(end)?, None)?),
        [start, end, step] => Ok(slice(number(start)?, number(end)?, number(step)?)?),
        _ => error(format!("invalid array index {text}")),
    }
}

fn slice(start: Option<i64>, end: Option<i64>, step: Option<i64>) -> Result<Step> {
    match step.unwrap_or(1) {
        step if step < 1 => error("step must be > 0"),
        step => Ok(Step::Slice { start, end, step }),
    }
}

fn quoted(text: &str) -> Option<String> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    let mut out = String::new();
    let mut escaped = false;
    for c in inner.chars() {
        match c {
            '\\' if !escaped => escaped = true,
            c => {
                escaped = false;
                out.push(c);
            }
        }
    }
    Some(out)
}

/// The operators; longer ones come before their prefixes.
const OPERATORS: [(&str, Operator); 6] = [
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

fn condition(text: &str) -> Result<Filter> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(q), c) if q == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, _) => {
                let found = OPERATORS
                    .iter()
                    .find(|(sign, _)| text[at..].starts_with(sign));
                if let Some((sign, operator)) = found {
                    return Ok(Filter {
                        left: operand(&text[..at])?,
                        comparison: Some((*operator, operand(&text[at + sign.len()..])?)),
                    });
                }
            }
        }
    }
    Ok(Filter {
        left: operand(text)?,
        comparison: None,
    })
}

fn operand(text: &str) -> Result<Operand> {
    let text = text.trim();
    for (prefix, from_root) in [('@', false), ('$', true)] {
        if let Some(path) = text.strip_prefix(prefix) {
            return Ok(Operand::Path {
                from_root,
                steps: steps(path)?,
            });
        }
    }
    if let Some(text) = quoted(text) {
        return Ok(Operand::Literal(Value::String(text)));
    }
    match text {
        "true" => Ok(Operand::Literal(true.into())),
        "false" => Ok(Operand::Literal(false.into())),
        "" => error("a side of a comparison is missing"),
        _ => match text.parse::<serde_json::Number>() {
            Ok(number) => Ok(Operand::Literal(Value::Number(number))),
            Err(_) => Ok(Operand::Path {
                from_root: false,
                steps: steps(text)?,
            }),
        },
    }
}
