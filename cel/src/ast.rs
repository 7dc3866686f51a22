//! The tree of an expression. Its depth and the number of its nodes are bounded by the parser.

use std::sync::Arc;

/// A name, shared by all who mention it.
pub(crate) type Name = Arc<str>;

/// The accumulator of a macro; no expression can spell it.
pub(crate) const ACCUMULATOR: &str = "@result";
/// The iteration variable of a comprehension that only binds a name.
pub(crate) const UNUSED: &str = "#unused";

/// A node. Facts about it are kept beside the tree, at the index `id`.
#[derive(Clone, Debug)]
pub(crate) struct Expr {
    pub(crate) id: u32,
    /// Where it stands, in bytes: for an operator or a call that of the operator or parenthesis.
    pub(crate) offset: u32,
    /// The number of nodes on the longest way down.
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
    /// Whether `has()` asks for the field's presence.
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
    /// Whether it only gives a value a name: `optMap`, `sortBy`.
    pub(crate) fn is_bind(&self) -> bool {
        matches!(&self.range.kind, Kind::List(elements) if elements.is_empty())
            && matches!(self.condition.kind, Kind::Literal(Literal::Bool(false)))
            && &*self.accu != ACCUMULATOR
    }
}

impl Expr {
    /// Calls `see` for each direct child, in the order of evaluation.
    pub(crate) fn children<'e>(&'e self, mut see: impl FnMut(&'e Self)) {
        match &self.kind {
            Kind::Literal(_) | Kind::Ident(_) => {}
            Kind::Select(select) => see(&select.operand),
            Kind::Call(call) => {
                call.target.iter().for_each(&mut see);
                call.args.iter().for_each(see);
            }
            Kind::List(elements) => elements.iter().for_each(|e| see(&e.value)),
            Kind::Map(entries) => {
                for entry in entries {
                    see(&entry.key);
                    see(&entry.value);
                }
            }
            Kind::Struct(make) => make.fields.iter().for_each(|f| see(&f.value)),
            Kind::Comprehension(c) => {
                for part in [&c.range, &c.init, &c.condition, &c.step, &c.result] {
                    see(part);
                }
            }
        }
    }
}
