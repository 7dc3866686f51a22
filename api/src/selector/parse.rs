//! The two selector grammars (upstream: `k8s.io/apimachinery/pkg/labels/selector.go` and
//! `.../fields/selector.go`).

use super::{FieldRequirement, Operator, Requirement};
use crate::field_error::go_quote;
use crate::name;

/// Why a selector could not be parsed, with upstream's message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SelectorError(String);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    End,
    Open,
    Close,
    Comma,
    Not,
    Equals,
    DoubleEquals,
    NotEquals,
    Greater,
    Less,
    In,
    NotIn,
    Word(String),
}

impl Token {
    fn text(&self) -> &str {
        match self {
            Self::End => "",
            Self::Open => "(",
            Self::Close => ")",
            Self::Comma => ",",
            Self::Not => "!",
            Self::Equals => "=",
            Self::DoubleEquals => "==",
            Self::NotEquals => "!=",
            Self::Greater => ">",
            Self::Less => "<",
            Self::In => "in",
            Self::NotIn => "notin",
            Self::Word(word) => word,
        }
    }

    fn is_operator(&self) -> bool {
        matches!(
            self,
            Self::Equals
                | Self::DoubleEquals
                | Self::NotEquals
                | Self::Greater
                | Self::Less
                | Self::In
                | Self::NotIn
        )
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let special = |c: char| "()!=<>,".contains(c);
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        let (token, length) = if rest.starts_with("==") {
            (Token::DoubleEquals, 2)
        } else if rest.starts_with("!=") {
            (Token::NotEquals, 2)
        } else if special(c) {
            let token = match c {
                '(' => Token::Open,
                ')' => Token::Close,
                ',' => Token::Comma,
                '!' => Token::Not,
                '=' => Token::Equals,
                '>' => Token::Greater,
                _ => Token::Less,
            };
            (token, 1)
        } else {
            let end = rest
                .find(|c: char| special(c) || c.is_whitespace())
                .unwrap_or(rest.len());
            let token = match &rest[..end] {
                "in" => Token::In,
                "notin" => Token::NotIn,
                word => Token::Word(word.to_owned()),
            };
            (token, end)
        };
        found.push(token);
        rest = rest[length..].trim_start();
    }
    found.push(Token::End);
    found
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.at).unwrap_or(&Token::End)
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn unexpected<T>(token: &Token, expected: &str) -> Result<T, SelectorError> {
        Err(SelectorError(format!(
            "found '{}', expected: {expected}",
            token.text()
        )))
    }

    /// The text of a word where a value is expected; there, `in` and `notin` are values.
    fn value_word(token: Token) -> Result<String, Token> {
        match token {
            Token::Word(word) => Ok(word),
            Token::In | Token::NotIn => Ok(token.text().to_owned()),
            other => Err(other),
        }
    }

    fn requirement(&mut self) -> Result<Requirement, SelectorError> {
        let absent = *self.peek() == Token::Not;
        if absent {
            self.at += 1;
        }
        let key = match Self::value_word(self.next()) {
            Ok(key) => key,
            Err(token) => return Self::unexpected(&token, "identifier"),
        };
        check_key(&key)?;
        let operator = match self.peek() {
            Token::End | Token::Comma if absent => Operator::DoesNotExist,
            Token::End | Token::Comma => Operator::Exists,
            token if absent => {
                let token = token.clone();
                return Self::unexpected(&token, "',' or 'end of string'");
            }
            token if token.is_operator() => self.operator(&key)?,
            token => {
                return Self::unexpected(&token.clone(), "in, notin, =, ==, !=, gt, lt");
            }
        };
        Ok(Requirement { key, operator })
    }

    fn operator(&mut self, key: &str) -> Result<Operator, SelectorError> {
        match self.next() {
            Token::In => Ok(Operator::In(self.values(key)?)),
            Token::NotIn => Ok(Operator::NotIn(self.values(key)?)),
            Token::NotEquals => Ok(Operator::NotIn(vec![self.single_value(key)?])),
            Token::Greater => Ok(Operator::GreaterThan(self.integer(key)?)),
            Token::Less => Ok(Operator::LessThan(self.integer(key)?)),
            Token::End
            | Token::Open
            | Token::Close
            | Token::Comma
            | Token::Not
            | Token::Equals
            | Token::DoubleEquals
            | Token::Word(_) => Ok(Operator::In(vec![self.single_value(key)?])),
        }
    }

    fn single_value(&mut self, key: &str) -> Result<String, SelectorError> {
        if matches!(self.peek(), Token::End | Token::Comma) {
            return Ok(String::new());
        }
        match Self::value_word(self.next()) {
            Ok(value) => check_value(key, value),
            Err(token) => Self::unexpected(&token, "identifier"),
        }
    }

    fn integer(&mut self, key: &str) -> Result<i64, SelectorError> {
        let value = self.single_value(key)?;
        value.parse().map_err(|_| {
            SelectorError(format!(
                "values[0][{key}]: Invalid value: {}: for 'Gt', 'Lt' operators, the value must be an integer",
                go_quote(&value)
            ))
        })
    }

    /// `(a, b)`; nothing between commas is the empty value.
    fn values(&mut self, key: &str) -> Result<Vec<String>, SelectorError> {
        match self.next() {
            Token::Open => {}
            token => return Self::unexpected(&token, "'('"),
        }
        let mut values = Vec::new();
        loop {
            let token = self.next();
            match Self::value_word(token) {
                Ok(word) => {
                    values.push(check_value(key, word)?);
                    match self.next() {
                        Token::Comma => {}
                        Token::Close => break,
                        token => return Self::unexpected(&token, "',' or ')'"),
                    }
                }
                Err(Token::Comma) => values.push(String::new()),
                Err(Token::Close) => {
                    values.push(String::new());
                    break;
                }
                Err(token) => return Self::unexpected(&token, "',', ')' or identifier"),
            }
        }
        values.sort();
        values.dedup();
        Ok(values)
    }
}

fn check_key(key: &str) -> Result<(), SelectorError> {
    let errors = name::qualified_name(key);
    if errors.is_empty() {
        return Ok(());
    }
    Err(SelectorError(format!(
        "key: Invalid value: {}: {}",
        go_quote(key),
        errors.join("; ")
    )))
}

fn check_value(key: &str, value: String) -> Result<String, SelectorError> {
    let errors = name::label_value(&value);
    if errors.is_empty() {
        return Ok(value);
    }
    Err(SelectorError(format!(
        "values[0][{key}]: Invalid value: {}: {}",
        go_quote(&value),
        errors.join("; ")
    )))
}

pub(super) fn label_requirements(text: &str) -> Result<Vec<Requirement>, SelectorError> {
    let mut parser = Parser {
        tokens: tokens(text),
        at: 0,
    };
    let mut found = Vec::new();
    if *parser.peek() == Token::End {
        return Ok(found);
    }
    loop {
        let requirement = parser.requirement().map_err(|SelectorError(why)| {
            SelectorError(format!("unable to parse requirement: {why}"))
        })?;
        found.push(requirement);
        match parser.next() {
            Token::End => return Ok(found),
            Token::Comma
                if matches!(
                    parser.peek(),
                    Token::Word(_) | Token::In | Token::NotIn | Token::Not
                ) => {}
            Token::Comma => {
                let token = parser.peek().clone();
                return Parser::unexpected(&token, "identifier after ','");
            }
            token => return Parser::unexpected(&token, "',' or 'end of string'"),
        }
    }
}

pub(super) fn field_requirements(text: &str) -> Result<Vec<FieldRequirement>, SelectorError> {
    split_terms(text)
        .filter(|term| !term.is_empty())
        .map(field_requirement)
        .collect()
}

/// Splits at commas that no backslash escapes.
fn split_terms(text: &str) -> impl Iterator<Item = &str> {
    let mut escaped = false;
    text.split(move |c: char| {
        let splits = c == ',' && !escaped;
        escaped = c == '\\' && !escaped;
        splits
    })
}

fn field_requirement(term: &str) -> Result<FieldRequirement, SelectorError> {
    let at = term.find('=').ok_or_else(|| invalid_term(term))?;
    let (left, right) = term.split_at(at);
    let (field, equal) = left
        .strip_suffix('!')
        .map_or((left, true), |field| (field, false));
    let value = right
        .strip_prefix("==")
        .or_else(|| right.strip_prefix('='))
        .unwrap_or(right);
    let value = unescape(value).ok_or_else(|| invalid_term(term))?;
    Ok(FieldRequirement {
        field: field.to_owned(),
        value,
        equal,
    })
}

fn invalid_term(term: &str) -> SelectorError {
    SelectorError(format!(
        "invalid selector: '{term}'; can't understand '{term}'"
    ))
}

/// Unescapes `\\`, `\,` and `\=`. Other escapes, and unescaped `,` and `=`, are errors.
fn unescape(value: &str) -> Option<String> {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(escaped @ ('\\' | ',' | '=')) => out.push(escaped),
                _ => return None,
            },
            '=' | ',' => return None,
            c => out.push(c),
        }
    }
    Some(out)
}
