//! The syntax tree of an expression. The parser limits its depth and the number of its nodes.

use std::sync::Arc;

/// A name, shared by all its uses.
pub(crate) type Name = Arc<str>;

/// The accumulator of a macro; this is not a valid name in expressions.
pub(crate) const ACCUMULATOR: &str = "@result";
/// The iteration variable of a comprehension that only binds a name.
pub(crate) const UNUSED: &str = "#unused";

/// A node. Its annotations are stored outside of the tree, at the index `id`.
#[derive(Clone, Debug)]
pub(crate) struct Expr {
    pub(crate) id: u32,
    /// The offset in bytes; of an operator or call, that of the operator or parenthesis.
    pub(crate) offset: u32,
    /// The number of nodes on the longest path to a leaf.
    pub(crate) depth: u16,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Literal(Literal),
    Ident(Name),
    Select(Box<Select>),
    Call(Box<Call>),
    List(Vec<Element>),
    Map(Vec<Entry>),
    Struct(Box<Struct>),
    Comprehension(Box<Comprehension>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    String(Arc<str>),
    Bytes(Arc<[u8]>),
}

#[derive(Clone, Debug)]
pub(crate) struct Select {
    pub(crate) operand: Expr,
    pub(crate) field: Name,
    /// Whether it is `has()`, which tests for the field's presence.
    pub(crate) test: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) function: Name,
    pub(crate) target: Option<Expr>,
    pub(crate) args: Vec<Expr>,
}

#[derive(Clone, Debug)]
pub(crate) struct Element {
    pub(crate) value: Expr,
    pub(crate) optional: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Expr,
    pub(crate) value: Expr,
    pub(crate) optional: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Struct {
    pub(crate) name: Name,
    pub(crate) fields: Vec<Field>,
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) offset: u32,
    pub(crate) name: Name,
    pub(crate) value: Expr,
    pub(crate) optional: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Comprehension {
    pub(crate) range: Expr,
    pub(crate) var: Name,
    pub(crate) var2: Option<Name>,
    pub(crate) accu: Name,
    pub(crate) init: Expr,
    pub(crate) condition: Expr,
    pub(crate) step: Expr,
    pub(crate) result: Expr,
}

impl Comprehension {
    /// Whether it only binds a name to a value, as `optMap` and `sortBy` do.
    pub(crate) fn is_bind(&self) -> bool {
        matches!(&self.range.kind, Kind::List(elements) if elements.is_empty())
            && matches!(self.condition.kind, Kind::Literal(Literal::Bool(false)))
            && &*self.accu != ACCUMULATOR
    }
}

impl Expr {
    /// Whether it, or a part of it, selects a field of a name: `name.field`, `has(name.field)` or
    /// `name.?field`.
    pub(crate) fn selects(&self, name: &str, field: &str) -> bool {
        let is_name = |e: &Self| matches!(&e.kind, Kind::Ident(known) if &**known == name);
        let is_field = |e: &Self| matches!(&e.kind, Kind::Literal(Literal::String(known)) if &**known == field);
        let own = match &self.kind {
            Kind::Select(select) => &*select.field == field && is_name(&select.operand),
            Kind::Call(call) => {
                &*call.function == "_?._"
                    && matches!(call.args.as_slice(), [of, key] if is_name(of) && is_field(key))
            }
            _ => false,
        };
        let mut found = own;
        self.children(|child| found = found || child.selects(name, field));
        found
    }

    /// Visits the direct children in the order of evaluation.
    pub(crate) fn children<'e>(&'e self, mut visit: impl FnMut(&'e Self)) {
        match &self.kind {
            Kind::Literal(_) | Kind::Ident(_) => {}
            Kind::Select(select) => visit(&select.operand),
            Kind::Call(call) => {
                call.target.iter().for_each(&mut visit);
                call.args.iter().for_each(visit);
            }
            Kind::List(elements) => elements.iter().for_each(|e| visit(&e.value)),
            Kind::Map(entries) => {
                for entry in entries {
                    visit(&entry.key);
                    visit(&entry.value);
                }
            }
            Kind::Struct(make) => make.fields.iter().for_each(|f| visit(&f.value)),
            Kind::Comprehension(c) => {
                for part in [&c.range, &c.init, &c.condition, &c.step, &c.result] {
                    visit(part);
                }
            }
        }
    }
}
