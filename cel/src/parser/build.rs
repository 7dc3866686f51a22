//! Builds nodes, and checks their number and depth.

use crate::ast::{ACCUMULATOR, Call, Comprehension, Element, Expr, Kind, Literal, Name, Select};
use crate::source::Issue;

use super::{MAX_DEPTH, Parsed, Stop};

/// The number of nodes that a tree may have, as macros copy parts of it.
const MAX_NODES: u32 = 200_000;

/// Builds nodes and collects issues.
pub(super) struct Builder {
    pub(super) issues: Vec<Issue>,
    pub(super) nodes: u32,
}

impl Builder {
    pub(super) const fn new(issues: Vec<Issue>) -> Self {
        Self { issues, nodes: 0 }
    }

    pub(super) fn report(&mut self, offset: Option<u32>, message: String) {
        self.issues.push(Issue { offset, message });
    }

    pub(super) fn too_deep(&mut self) -> Stop {
        self.report(
            None,
            format!("expression recursion limit exceeded: {MAX_DEPTH}"),
        );
        Stop
    }

    pub(super) fn node(&mut self, offset: u32, kind: Kind) -> Parsed<Expr> {
        if self.nodes >= MAX_NODES {
            self.report(None, format!("expression has more than {MAX_NODES} nodes"));
            return Err(Stop);
        }
        let mut expr = Expr {
            id: self.nodes,
            offset,
            depth: 1,
            kind,
        };
        self.nodes += 1;
        let mut below = 0;
        expr.children(|child| below = below.max(child.depth));
        expr.depth = below + 1;
        if expr.depth > MAX_DEPTH {
            return Err(self.too_deep());
        }
        Ok(expr)
    }

    pub(super) fn literal(&mut self, offset: u32, literal: Literal) -> Parsed<Expr> {
        self.node(offset, Kind::Literal(literal))
    }

    pub(super) fn ident(&mut self, offset: u32, name: &str) -> Parsed<Expr> {
        self.node(offset, Kind::Ident(name.into()))
    }

    pub(super) fn accumulator(&mut self, offset: u32) -> Parsed<Expr> {
        self.ident(offset, ACCUMULATOR)
    }

    pub(super) fn call(&mut self, offset: u32, function: &str, args: Vec<Expr>) -> Parsed<Expr> {
        let call = Call {
            function: function.into(),
            target: None,
            args,
        };
        self.node(offset, Kind::Call(Box::new(call)))
    }

    pub(super) fn member(
        &mut self,
        offset: u32,
        function: &str,
        target: Expr,
        args: Vec<Expr>,
    ) -> Parsed<Expr> {
        let call = Call {
            function: function.into(),
            target: Some(target),
            args,
        };
        self.node(offset, Kind::Call(Box::new(call)))
    }

    pub(super) fn list(&mut self, offset: u32, values: Vec<Expr>) -> Parsed<Expr> {
        let element = |value| Element {
            value,
            optional: false,
        };
        self.node(
            offset,
            Kind::List(values.into_iter().map(element).collect()),
        )
    }

    pub(super) fn select(
        &mut self,
        offset: u32,
        operand: Expr,
        field: Name,
        test: bool,
    ) -> Parsed<Expr> {
        self.node(
            offset,
            Kind::Select(Box::new(Select {
                operand,
                field,
                test,
            })),
        )
    }

    pub(super) fn comprehension(&mut self, offset: u32, parts: Comprehension) -> Parsed<Expr> {
        self.node(offset, Kind::Comprehension(Box::new(parts)))
    }

    /// Copies a tree, with new node ids.
    pub(super) fn copy(&mut self, expr: &Expr) -> Parsed<Expr> {
        let kind = match &expr.kind {
            kind @ (Kind::Literal(_) | Kind::Ident(_)) => kind.clone(),
            Kind::Select(s) => {
                let operand = self.copy(&s.operand)?;
                Kind::Select(Box::new(Select {
                    operand,
                    field: s.field.clone(),
                    test: s.test,
                }))
            }
            Kind::Call(c) => {
                let target = c.target.as_ref().map(|t| self.copy(t)).transpose()?;
                let args = c.args.iter().map(|a| self.copy(a)).collect::<Parsed<_>>()?;
                Kind::Call(Box::new(Call {
                    function: c.function.clone(),
                    target,
                    args,
                }))
            }
            Kind::List(elements) => {
                let mut elements = elements.clone();
                for element in &mut elements {
                    element.value = self.copy(&element.value)?;
                }
                Kind::List(elements)
            }
            Kind::Map(entries) => {
                let mut entries = entries.clone();
                for entry in &mut entries {
                    entry.key = self.copy(&entry.key)?;
                    entry.value = self.copy(&entry.value)?;
                }
                Kind::Map(entries)
            }
            Kind::Struct(make) => {
                let mut make = make.clone();
                for field in &mut make.fields {
                    field.value = self.copy(&field.value)?;
                }
                Kind::Struct(make)
            }
            Kind::Comprehension(c) => Kind::Comprehension(Box::new(self.copy_comprehension(c)?)),
        };
        self.node(expr.offset, kind)
    }

    fn copy_comprehension(&mut self, c: &Comprehension) -> Parsed<Comprehension> {
        Ok(Comprehension {
            range: self.copy(&c.range)?,
            var: c.var.clone(),
            var2: c.var2.clone(),
            accu: c.accu.clone(),
            init: self.copy(&c.init)?,
            condition: self.copy(&c.condition)?,
            step: self.copy(&c.step)?,
            result: self.copy(&c.result)?,
        })
    }
}
