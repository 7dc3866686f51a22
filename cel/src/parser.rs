//! The parser, with the grammar, limits and messages of `cel-go`.

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

/// Upstream's limit of the length of an expression, in code points.
const MAX_CODE_POINTS: usize = 100_000;
/// Upstream's limit of nesting, which here applies to the depth of the whole tree.
const MAX_DEPTH: u16 = 250;

/// The syntax and macros of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Syntax {
    pub(crate) optionals: bool,
    pub(crate) two_variables: bool,
    pub(crate) sort_by: bool,
}

/// Parsing cannot continue; the issue has been reported.
pub(crate) struct Stop;

type Parsed<T> = Result<T, Stop>;

/// Parses an expression. Returns it and the number of its nodes.
///
/// # Errors
/// All issues up to the first after which parsing cannot continue.
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

    fn at(&self, punctuation: &str) -> bool {
        let here = self.here();
        here.token == Token::Punctuation && here.text == punctuation
    }

    fn eat(&mut self, punctuation: &str) -> Option<u32> {
        self.at(punctuation).then(|| self.take().offset)
    }

    fn expect(&mut self, punctuation: &str) -> Parsed<u32> {
        if let Some(offset) = self.eat(punctuation) {
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
        self.report(offset, message);
        Err(Stop)
    }

    fn report(&mut self, offset: u32, message: impl Into<String>) {
        self.build.report(Some(offset), message.into());
    }

    /// `condition ? a : b`, and operators of higher precedence.
    fn expr(&mut self) -> Parsed<Expr> {
        self.nesting += 1;
        if self.nesting > MAX_DEPTH {
            return Err(self.build.too_deep());
        }
        let condition = self.logical("||", "_||_")?;
        let expr = match self.eat("?") {
            None => condition,
            Some(offset) => {
                let one = self.logical("||", "_||_")?;
                self.expect(":")?;
                let other = self.expr()?;
                self.build
                    .call(offset, "_?_:_", vec![condition, one, other])?
            }
        };
        self.nesting -= 1;
        Ok(expr)
    }

    /// A chain of `||` or `&&`, as a balanced tree, because chains may be long.
    fn logical(&mut self, operator: &str, function: &str) -> Parsed<Expr> {
        let mut terms = vec![Some(self.term(operator)?)];
        let mut offsets = Vec::new();
        while let Some(offset) = self.eat(operator) {
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

    /// A balanced tree of `terms` with operators at `offsets`; the first offset is between term
    /// `first` and the next.
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

    /// Relations, sums and products of at least the given precedence.
    fn binary(&mut self, precedence: u8) -> Parsed<Expr> {
        let mut left = self.unary()?;
        while let Some((function, tight)) = self.operator() {
            if tight < precedence {
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
        while self.at(operator) {
            let number = matches!(self.peek(1).token, Token::Int | Token::Double);
            if operator == "-" && number {
                // the sign is part of the literal
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

    /// Selections, calls and index operations after a primary.
    fn member(&mut self) -> Parsed<Expr> {
        let mut expr = self.primary()?;
        loop {
            if self.at("{") && dotted(&expr).is_some() && self.follows_name() {
                expr = self.message(&expr)?;
            } else if let Some(offset) = self.eat(".") {
                expr = self.selection(expr, offset)?;
            } else if let Some(offset) = self.eat("[") {
                expr = self.index(expr, offset)?;
            } else {
                return Ok(expr);
            }
        }
    }

    /// Whether the previous token is a name, not a parenthesis.
    fn follows_name(&self) -> bool {
        self.at > 0 && self.lexemes[self.at - 1].token == Token::Ident
    }

    fn selection(&mut self, operand: Expr, offset: u32) -> Parsed<Expr> {
        let optional = self.eat("?").is_some();
        // cel-go's parser still expects the name of a message then
        let name = self.take_name(match dotted(&operand) {
            Some(_) if !optional => "IDENTIFIER",
            _ => "{IDENTIFIER, ESC_IDENTIFIER}",
        })?;
        if optional {
            if !self.syntax.optionals {
                self.report(offset, "unsupported syntax '.?'");
            }
            let field = self.build.literal(offset, Literal::String(name))?;
            return self.build.call(offset, "_?._", vec![operand, field]);
        }
        if let Some(open) = self.eat("(") {
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
                self.report(here.offset, "unsupported syntax: '`'");
                Ok(here.text.trim_matches('`').into())
            }
            _ => self.mismatch(expected),
        }
    }

    fn index(&mut self, operand: Expr, offset: u32) -> Parsed<Expr> {
        let optional = self.eat("?").is_some();
        if optional && !self.syntax.optionals {
            self.report(offset, "unsupported syntax '[?'");
        }
        let index = self.expr()?;
        self.expect("]")?;
        let function = if optional { "_[?_]" } else { "_[_]" };
        self.build.call(offset, function, vec![operand, index])
    }

    /// The arguments after an opening parenthesis, including the closing one.
    fn arguments(&mut self) -> Parsed<Vec<Expr>> {
        let mut args = Vec::new();
        if self.eat(")").is_some() {
            return Ok(args);
        }
        loop {
            args.push(self.expr()?);
            if self.eat(",").is_none() {
                self.expect(")")?;
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

/// The qualified name `a.b.c` of a chain of selections.
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
