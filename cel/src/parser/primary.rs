//! Primary expressions: names, calls, literals, and expressions in brackets.

use crate::ast::{Element, Entry, Expr, Field, Kind, Literal, Name, Struct};
use crate::lexer::Token;
use crate::words::RESERVED;

use super::{Parsed, Parser, dotted, literals, macros};

const PRIMARY: &str = "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, \
                       NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";

impl Parser<'_> {
    pub(super) fn primary(&mut self) -> Parsed<Expr> {
        let here = self.here();
        match here.token {
            Token::Ident => self.name(""),
            Token::Punctuation => self.punctuated(),
            Token::Int | Token::Uint | Token::Double | Token::String | Token::Bytes => {
                self.take();
                self.constant(here.token, here.offset, here.text, false)
            }
            Token::True | Token::False => {
                self.take();
                self.build
                    .literal(here.offset, Literal::Bool(here.token == Token::True))
            }
            Token::Null => {
                self.take();
                self.build.literal(here.offset, Literal::Null)
            }
            Token::Escaped | Token::In | Token::End => self.not_primary(),
        }
    }

    fn punctuated(&mut self) -> Parsed<Expr> {
        let here = self.here();
        match here.text {
            "(" => {
                self.take();
                let expr = self.expr()?;
                self.expect(")")?;
                Ok(expr)
            }
            "[" => self.list(),
            "{" => self.map(),
            "." if self.peek(1).token == Token::Ident => {
                self.take();
                self.name(".")
            }
            "-" if matches!(self.peek(1).token, Token::Int | Token::Double) => {
                self.take();
                let number = self.take();
                self.constant(number.token, here.offset, number.text, true)
            }
            _ => self.not_primary(),
        }
    }

    /// An unexpected token, which is skipped if a primary follows.
    fn not_primary(&mut self) -> Parsed<Expr> {
        let (here, next) = (self.here(), self.peek(1));
        let starts = match next.token {
            Token::Punctuation => matches!(next.text, "[" | "{" | "(" | "." | "-" | "!"),
            Token::End | Token::In | Token::Escaped => false,
            _ => true,
        };
        if here.token == Token::End || !starts {
            return self.mismatch(PRIMARY);
        }
        self.take();
        self.report(
            here.offset,
            format!(
                "Syntax error: extraneous input '{}' expecting {PRIMARY}",
                here.text
            ),
        );
        self.nesting += 1;
        if self.nesting > super::MAX_DEPTH {
            return Err(self.build.too_deep());
        }
        self.primary()
    }

    fn constant(&mut self, token: Token, offset: u32, text: &str, negative: bool) -> Parsed<Expr> {
        let literal = match literals::parse(token, text, negative) {
            Ok(literal) => literal,
            Err(message) => {
                self.report(offset, message);
                Literal::Null
            }
        };
        self.build.literal(offset, literal)
    }

    /// A name or a call of a function, optionally after a dot.
    fn name(&mut self, dot: &str) -> Parsed<Expr> {
        let word = self.take();
        if RESERVED.contains(&word.text) {
            self.report(word.offset, format!("reserved identifier: {}", word.text));
        }
        let name: Name = format!("{dot}{}", word.text).into();
        let Some(open) = self.eat("(") else {
            return self.build.node(word.offset, Kind::Ident(name));
        };
        let args = self.arguments()?;
        if &*name == "has" && args.len() == 1 {
            return macros::has(self, open, args);
        }
        self.build.call(open, &name, args)
    }

    fn list(&mut self) -> Parsed<Expr> {
        let offset = self.expect("[")?;
        let mut elements = Vec::new();
        loop {
            if self.eat("]").is_some() {
                break;
            }
            if elements.is_empty() && self.at(",") && self.peek(1).text == "]" {
                self.take();
                continue;
            }
            let optional = self.optional_mark();
            elements.push(Element {
                value: self.expr()?,
                optional,
            });
            if self.eat(",").is_none() {
                self.expect("]")?;
                break;
            }
        }
        self.build.node(offset, Kind::List(elements))
    }

    fn optional_mark(&mut self) -> bool {
        let Some(offset) = self.eat("?") else {
            return false;
        };
        if !self.syntax.optionals {
            self.report(offset, "unsupported syntax '?'");
        }
        true
    }

    fn map(&mut self) -> Parsed<Expr> {
        let offset = self.expect("{")?;
        let mut entries = Vec::new();
        loop {
            if self.eat("}").is_some() {
                break;
            }
            let optional = self.optional_mark();
            let key = self.expr()?;
            self.expect(":")?;
            let value = self.expr()?;
            entries.push(Entry {
                key,
                value,
                optional,
            });
            if self.eat(",").is_none() {
                self.expect("}")?;
                break;
            }
        }
        self.build.node(offset, Kind::Map(entries))
    }

    /// The rest of `Name{field: value}`, after the name.
    pub(super) fn message(&mut self, name: &Expr) -> Parsed<Expr> {
        let name: Name = dotted(name).unwrap_or_default().into();
        let offset = self.expect("{")?;
        let mut fields = Vec::new();
        loop {
            if self.eat("}").is_some() {
                break;
            }
            let optional = self.optional_mark();
            let name = self.take_name("{'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}")?;
            let offset = self.expect(":")?;
            let value = self.expr()?;
            fields.push(Field {
                offset,
                name,
                value,
                optional,
            });
            if self.eat(",").is_none() {
                self.expect("}")?;
                break;
            }
        }
        self.build
            .node(offset, Kind::Struct(Box::new(Struct { name, fields })))
    }
}
