//! From text to tree, with `cel-go`'s grammar, limits and texts.

mod build;
mod literals;
mod macros;
mod primary;
#[cfg(test)]
mod tests;

use crate::ast::{Call, Expr, Kind, Literal, Name};
use crate::lexer::{Lexeme, Token, tokens};
use crate::source::Issue;
use build::Builder;

/// The longest expression, in code points; upstream's limit.
const MAX_CODE_POINTS: usize = 100_000;
/// How deep an expression nests; upstream's limit, which here holds for the tree as a whole.
const MAX_DEPTH: u16 = 250;

/// Which syntax and macros a version of the environment has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Syntax {
    pub(crate) optionals: bool,
    pub(crate) two_variables: bool,
    pub(crate) sort_by: bool,
}

/// Parsing cannot go on; why has been noted.
pub(crate) struct Stop;

type Parsed<T> = Result<T, Stop>;

/// Parses an expression; the number is that of its nodes.
///
/// # Errors
/// All mistakes up to the first after which no sense can be made.
pub(crate) fn parse(source: &str, syntax: Syntax) -> Result<(Expr, u32), Vec<Issue>> {
    let size = source.chars().count();
    if size > MAX_CODE_POINTS {
        let message = format!(
            "expression code point size exceeds limit: size: {size}, limit {MAX_CODE_POINTS}"
        );
        return Err(vec![Issue {
            offset: None,
            message,
        }]);
    }
    let mut issues = Vec::new();
    let lexemes = tokens(source, &mut issues);
    let mut parser = Parser {
        lexemes,
        at: 0,
        nesting: 0,
        syntax,
        build: Builder::new(issues),
    };
    let parsed = parser.whole();
    let Builder { issues, nodes, .. } = parser.build;
    match parsed {
        Ok(expr) if issues.is_empty() => Ok((expr, nodes)),
        Ok(_) | Err(Stop) => Err(issues),
    }
}

struct Parser<'s> {
    lexemes: Vec<Lexeme<'s>>,
    at: usize,
    nesting: u16,
    syntax: Syntax,
    build: Builder,
}

impl<'s> Parser<'s> {
    fn whole(&mut self) -> Parsed<Expr> {
        let expr = self.expr()?;
        let here = self.here();
        if here.token == Token::End {
            return Ok(expr);
        }
        let last = self.peek(1).token == Token::End;
        let what = if last { "extraneous" } else { "mismatched" };
        self.stop(
            here.offset,
            format!("Syntax error: {what} input '{}' expecting <EOF>", here.text),
        )
    }

    fn here(&self) -> Lexeme<'s> {
        self.peek(0)
    }

    fn peek(&self, ahead: usize) -> Lexeme<'s> {
        let last = self.lexemes.len() - 1;
        self.lexemes[(self.at + ahead).min(last)]
    }

    fn take(&mut self) -> Lexeme<'s> {
        let lexeme = self.here();
        self.at += 1;
        lexeme
    }

    fn sees(&self, punctuation: &str) -> bool {
        let here = self.here();
        here.token == Token::Punctuation && here.text == punctuation
    }

    fn takes(&mut self, punctuation: &str) -> Option<u32> {
        self.sees(punctuation).then(|| self.take().offset)
    }

    fn expects(&mut self, punctuation: &str) -> Parsed<u32> {
        if let Some(offset) = self.takes(punctuation) {
            return Ok(offset);
        }
        self.mismatch(&format!("'{punctuation}'"))
    }

    fn mismatch<T>(&mut self, expected: &str) -> Parsed<T> {
        let here = self.here();
        self.stop(
            here.offset,
            format!(
                "Syntax error: mismatched input '{}' expecting {expected}",
                here.text
            ),
        )
    }

    fn stop<T>(&mut self, offset: u32, message: String) -> Parsed<T> {
        self.note(offset, message);
        Err(Stop)
    }

    fn note(&mut self, offset: u32, message: impl Into<String>) {
        self.build.note(Some(offset), message.into());
    }

    /// `condition ? one : other`, and all that binds tighter.
    fn expr(&mut self) -> Parsed<Expr> {
        self.nesting += 1;
        if self.nesting > MAX_DEPTH {
            return Err(self.build.too_deep());
        }
        let condition = self.logical("||", "_||_")?;
        let expr = match self.takes("?") {
            None => condition,
            Some(offset) => {
                let one = self.logical("||", "_||_")?;
                self.expects(":")?;
                let other = self.expr()?;
                self.build
                    .call(offset, "_?_:_", vec![condition, one, other])?
            }
        };
        self.nesting -= 1;
        Ok(expr)
    }

    /// A chain of `||` or of `&&`, as a balanced tree: chains may be long.
    fn logical(&mut self, operator: &str, function: &str) -> Parsed<Expr> {
        let mut terms = vec![Some(self.term(operator)?)];
        let mut offsets = Vec::new();
        while let Some(offset) = self.takes(operator) {
            offsets.push(offset);
            terms.push(Some(self.term(operator)?));
        }
        if offsets.is_empty() {
            return terms.pop().flatten().ok_or(Stop);
        }
        self.balance(function, &mut terms, &offsets, 0)
    }

    fn term(&mut self, operator: &str) -> Parsed<Expr> {
        if operator == "||" {
            self.logical("&&", "_&&_")
        } else {
            self.binary(1)
        }
    }

    /// The tree of `terms` joined at `offsets`, of which the first joins term `first` to the next.
    fn balance(
        &mut self,
        function: &str,
        terms: &mut [Option<Expr>],
        offsets: &[u32],
        first: usize,
    ) -> Parsed<Expr> {
        if offsets.is_empty() {
            return terms[first].take().ok_or(Stop);
        }
        let middle = offsets.len() / 2;
        let left = self.balance(function, terms, &offsets[..middle], first)?;
        let right = self.balance(function, terms, &offsets[middle + 1..], first + middle + 1)?;
        self.build
            .call(offsets[middle], function, vec![left, right])
    }

    /// Relations, sums and products, those at least as tight as `tightness`.
    fn binary(&mut self, tightness: u8) -> Parsed<Expr> {
        let mut left = self.unary()?;
        while let Some((function, tight)) = self.operator() {
            if tight < tightness {
                break;
            }
            let offset = self.take().offset;
            let right = self.binary(tight + 1)?;
            left = self.build.call(offset, function, vec![left, right])?;
        }
        Ok(left)
    }

    fn operator(&self) -> Option<(&'static str, u8)> {
        let here = self.here();
        if here.token == Token::In {
            return Some(("@in", 1));
        }
        if here.token != Token::Punctuation {
            return None;
        }
        Some(match here.text {
            "<" => ("_<_", 1),
            "<=" => ("_<=_", 1),
            ">" => ("_>_", 1),
            ">=" => ("_>=_", 1),
            "==" => ("_==_", 1),
            "!=" => ("_!=_", 1),
            "+" => ("_+_", 2),
            "-" => ("_-_", 2),
            "*" => ("_*_", 3),
            "/" => ("_/_", 3),
            "%" => ("_%_", 3),
            _ => return None,
        })
    }

    fn unary(&mut self) -> Parsed<Expr> {
        let (operator, function) = match self.here() {
            l if l.token == Token::Punctuation && l.text == "!" => ("!", "!_"),
            l if l.token == Token::Punctuation && l.text == "-" => ("-", "-_"),
            _ => return self.member(),
        };
        let first = self.here().offset;
        let mut count = 0;
        while self.sees(operator) {
            let number = matches!(self.peek(1).token, Token::Int | Token::Double);
            if operator == "-" && number {
                // The sign belongs to the literal.
                break;
            }
            self.take();
            count += 1;
        }
        let operand = self.member()?;
        if count % 2 == 0 {
            return Ok(operand);
        }
        self.build.call(first, function, vec![operand])
    }

    /// Selections, calls and indexes behind a primary.
    fn member(&mut self) -> Parsed<Expr> {
        let mut expr = self.primary()?;
        loop {
            if self.sees("{") && dotted(&expr).is_some() && self.follows_name() {
                expr = self.message(&expr)?;
            } else if let Some(offset) = self.takes(".") {
                expr = self.selection(expr, offset)?;
            } else if let Some(offset) = self.takes("[") {
                expr = self.index(expr, offset)?;
            } else {
                return Ok(expr);
            }
        }
    }

    /// Whether the token before this one is a name, not a parenthesis.
    fn follows_name(&self) -> bool {
        self.at > 0 && self.lexemes[self.at - 1].token == Token::Ident
    }

    fn selection(&mut self, operand: Expr, offset: u32) -> Parsed<Expr> {
        let optional = self.takes("?").is_some();
        let name = self.take_name("{IDENTIFIER, ESC_IDENTIFIER}")?;
        if optional {
            if !self.syntax.optionals {
                self.note(offset, "unsupported syntax '.?'");
            }
            let field = self.build.literal(offset, Literal::String(name))?;
            return self.build.call(offset, "_?._", vec![operand, field]);
        }
        if let Some(open) = self.takes("(") {
            let args = self.arguments()?;
            return self.member_call(open, name, operand, args);
        }
        self.build.select(offset, operand, name, false)
    }

    fn take_name(&mut self, expected: &str) -> Parsed<Name> {
        let here = self.here();
        match here.token {
            Token::Ident => {
                self.take();
                Ok(here.text.into())
            }
            Token::Escaped => {
                self.take();
                self.note(here.offset, "unsupported syntax: '`'");
                Ok(here.text.trim_matches('`').into())
            }
            _ => self.mismatch(expected),
        }
    }

    fn index(&mut self, operand: Expr, offset: u32) -> Parsed<Expr> {
        let optional = self.takes("?").is_some();
        if optional && !self.syntax.optionals {
            self.note(offset, "unsupported syntax '[?'");
        }
        let index = self.expr()?;
        self.expects("]")?;
        let function = if optional { "_[?_]" } else { "_[_]" };
        self.build.call(offset, function, vec![operand, index])
    }

    /// The arguments behind an open parenthesis, up to and with the closing one.
    fn arguments(&mut self) -> Parsed<Vec<Expr>> {
        let mut args = Vec::new();
        if self.takes(")").is_some() {
            return Ok(args);
        }
        loop {
            args.push(self.expr()?);
            if self.takes(",").is_none() {
                self.expects(")")?;
                return Ok(args);
            }
        }
    }

    fn member_call(
        &mut self,
        offset: u32,
        name: Name,
        target: Expr,
        args: Vec<Expr>,
    ) -> Parsed<Expr> {
        match macros::member(self, offset, &name, target, args)? {
            macros::Expanded::To(expr) => Ok(expr),
            macros::Expanded::Not(target, args) => {
                let call = Call {
                    function: name,
                    target: Some(target),
                    args,
                };
                self.build.node(offset, Kind::Call(Box::new(call)))
            }
        }
    }
}

/// The name `a.b.c` that a chain of selections may stand for.
pub(crate) fn dotted(expr: &Expr) -> Option<String> {
    let mut parts = Vec::new();
    let mut at = expr;
    loop {
        match &at.kind {
            Kind::Ident(name) => {
                parts.push(&**name);
                break;
            }
            Kind::Select(select) if !select.test => {
                parts.push(&*select.field);
                at = &select.operand;
            }
            _ => return None,
        }
    }
    parts.reverse();
    Some(parts.join("."))
}
