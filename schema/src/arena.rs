//! A compiled schema: an array of nodes that refer to each other by index, and one string with all
//! text.
//!
//! Equal nodes are stored once, so a pod template takes its size only once, however often a
//! definition repeats it.

use std::num::NonZeroU32;
use std::sync::OnceLock;

use serde_json::Value;

use crate::format::Format;
use crate::pattern::Pattern;
use crate::program::Programs;

/// The index of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId(NonZeroU32);

impl NodeId {
    pub(crate) fn new(index: usize) -> Option<Self> {
        let number = u32::try_from(index).ok()?.checked_add(1)?;
        NonZeroU32::new(number).map(Self)
    }

    pub(crate) fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// A slice of one of the arrays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) len: u32,
}

impl Span {
    fn of<T>(self, all: &[T]) -> &[T] {
        let start = self.start as usize;
        all.get(start..start + self.len as usize)
            .unwrap_or_default()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Field {
    pub(crate) name: Span,
    pub(crate) node: NodeId,
}

/// A float that is compared by its bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Real(u64);

impl Real {
    pub(crate) fn new(value: f64) -> Self {
        Self(value.to_bits())
    }

    pub(crate) fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

/// What a value must satisfy besides its type. Most nodes have no checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Check {
    AnyOf(Span),
    OneOf(Span),
    AllOf(Span),
    Not(NodeId),
    MaxLength(i64),
    MinLength(i64),
    Pattern(u32),
    /// The format, and its name as spelled in the definition.
    Format(Format, Span),
    MultipleOf(Real),
    Minimum(Real),
    ExclusiveMinimum(Real),
    Maximum(Real),
    ExclusiveMaximum(Real),
    MinItems(i64),
    MaxItems(i64),
    Enum(Span),
    MinProperties(i64),
    MaxProperties(i64),
    Required(Span),
    /// The keys of a list of type `map`.
    ListKeys(Span),
    /// The CEL rules of the node, by index in [`Schema::rules`].
    Rules(u32),
}

/// Properties of a node, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Flags(u32);

macro_rules! flags {
    ($($name:ident $bit:literal,)*) => {
        $(pub(crate) const $name: Self = Self(1 << $bit);)*
    };
}

impl Flags {
    flags! {
        OBJECT 0, ARRAY 1, STRING 2, INTEGER 3, NUMBER 4, BOOLEAN 5,
        NULLABLE 6, INT_OR_STRING 7, PRESERVE 8, EMBEDDED 9,
        // additionalProperties is true or a schema; and false
        OPEN 10, CLOSED 11,
        LIST_ATOMIC 12, LIST_SET 13, LIST_MAP 14, MAP_ATOMIC 15,
        // some descendant is an embedded resource
        EMBEDS 16,
        // some descendant is a list of type set or map
        UNIQUE 17,
        // the node or some descendant has CEL rules
        RULES 18,
    }

    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) fn set(&mut self, other: Self, on: bool) {
        if on {
            self.0 |= other.0;
        }
    }
}

/// The schema of an object, a property, an item or a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    pub(crate) flags: Flags,
    pub(crate) fields: Span,
    pub(crate) checks: Span,
    pub(crate) items: Option<NodeId>,
    pub(crate) values: Option<NodeId>,
    /// The index of the default plus one; 0 if there is none.
    pub(crate) default: u32,
}

/// A rule of `x-kubernetes-validations`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// The expression.
    pub rule: Box<str>,
    /// The message if it is not satisfied; may be empty.
    pub message: Box<str>,
    /// An expression that returns the message; may be empty.
    pub message_expression: Box<str>,
    /// The machine-readable reason; empty for the default.
    pub reason: Box<str>,
    /// The path of the invalid field, relative to the node; may be empty.
    pub field_path: Box<str>,
    /// Whether `oldSelf` is an optional, and the rule also runs if there is no old value.
    pub optional_old_self: Option<bool>,
}

/// A compiled structural schema. It is compiled once for each version of a definition and shared.
#[derive(Debug)]
pub struct Schema {
    pub(crate) nodes: Box<[Node]>,
    pub(crate) fields: Box<[Field]>,
    pub(crate) checks: Box<[Check]>,
    pub(crate) branches: Box<[NodeId]>,
    pub(crate) names: Box<[Span]>,
    pub(crate) text: Box<str>,
    pub(crate) values: Box<[Value]>,
    pub(crate) patterns: Box<[Pattern]>,
    pub(crate) rules: Box<[Box<[Rule]>]>,
    /// The compiled rules, from when they are first needed: most definitions of a cluster are never
    /// used, and programs are larger than their text.
    pub(crate) programs: OnceLock<Programs>,
    pub(crate) root: NodeId,
}

impl Schema {
    /// The node of the whole object.
    pub fn root(&self) -> NodeRef<'_> {
        self.at(self.root)
    }

    pub(crate) fn at(&self, id: NodeId) -> NodeRef<'_> {
        NodeRef { schema: self, id }
    }

    /// Whether any node has CEL rules.
    pub fn has_rules(&self) -> bool {
        self.root().has(Flags::RULES)
    }

    /// The number of distinct nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are no nodes; there is always one.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The memory of the schema in bytes, without patterns and rules that are compiled on first use.
    pub fn memory(&self) -> usize {
        let sources: usize = self.patterns.iter().map(|p| p.source().len()).sum();
        let rules = self.rules.iter().flatten().map(|r| {
            size_of_val(r)
                + r.rule.len()
                + r.message.len()
                + r.message_expression.len()
                + r.field_path.len()
        });
        size_of::<Self>()
            + size_of_val(&*self.nodes)
            + size_of_val(&*self.fields)
            + size_of_val(&*self.checks)
            + size_of_val(&*self.branches)
            + size_of_val(&*self.names)
            + self.text.len()
            + size_of_val(&*self.patterns)
            + sources
            + self.values.iter().map(value_memory).sum::<usize>()
            + size_of_val(&*self.rules)
            + rules.sum::<usize>()
    }

    pub(crate) fn text(&self, name: Span) -> &str {
        let start = name.start as usize;
        self.text
            .get(start..start + name.len as usize)
            .unwrap_or_default()
    }
}

fn value_memory(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(value_memory).sum(),
            // estimated as half a tree node per field
            Value::Object(fields) => fields
                .iter()
                .map(|(k, v)| 48 + k.len() + value_memory(v))
                .sum(),
        }
}

/// A node together with its schema.
#[derive(Clone, Copy, Debug)]
pub struct NodeRef<'s> {
    pub(crate) schema: &'s Schema,
    pub(crate) id: NodeId,
}

impl PartialEq for NodeRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.schema, other.schema) && self.id == other.id
    }
}

impl Eq for NodeRef<'_> {}

impl<'s> NodeRef<'s> {
    fn node(self) -> &'s Node {
        &self.schema.nodes[self.id.index()]
    }

    pub(crate) fn has(self, flags: Flags) -> bool {
        self.node().flags.has(flags)
    }

    pub(crate) fn flags(self) -> Flags {
        self.node().flags
    }

    /// The index of the node in its schema, for callers that store something per node, such as
    /// compiled rules.
    pub fn number(self) -> usize {
        self.id.index()
    }

    /// The node of a declared property.
    pub fn property(self, name: &str) -> Option<Self> {
        let fields = self.node().fields.of(&self.schema.fields);
        let at = fields
            .binary_search_by(|f| self.schema.text(f.name).cmp(name))
            .ok()?;
        Some(self.schema.at(fields[at].node))
    }

    /// The declared properties, by name.
    pub fn properties(self) -> impl ExactSizeIterator<Item = (&'s str, Self)> {
        let schema = self.schema;
        let fields = self.node().fields.of(&schema.fields);
        fields
            .iter()
            .map(move |f| (schema.text(f.name), schema.at(f.node)))
    }

    /// The node of the values of a map, if `additionalProperties` is a schema.
    pub fn values(self) -> Option<Self> {
        self.node().values.map(|id| self.schema.at(id))
    }

    /// The node of a list's items.
    pub fn items(self) -> Option<Self> {
        self.node().items.map(|id| self.schema.at(id))
    }

    /// The default.
    pub fn default(self) -> Option<&'s Value> {
        let index = (self.node().default as usize).checked_sub(1)?;
        self.schema.values.get(index)
    }

    /// Whether `null` is a valid value.
    pub fn is_nullable(self) -> bool {
        self.has(Flags::NULLABLE)
    }

    pub(crate) fn checks(self) -> &'s [Check] {
        self.node().checks.of(&self.schema.checks)
    }

    pub(crate) fn branches(self, span: Span) -> impl Iterator<Item = Self> {
        span.of(&self.schema.branches)
            .iter()
            .map(move |id| self.schema.at(*id))
    }

    pub(crate) fn names(self, span: Span) -> impl Iterator<Item = &'s str> {
        span.of(&self.schema.names)
            .iter()
            .map(move |n| self.schema.text(*n))
    }

    pub(crate) fn choices(self, span: Span) -> &'s [Value] {
        span.of(&self.schema.values)
    }

    pub(crate) fn pattern(self, index: u32) -> Option<&'s Pattern> {
        self.schema.patterns.get(index as usize)
    }

    /// The CEL rules of the node.
    pub fn rules(self) -> &'s [Rule] {
        let index = self.checks().iter().find_map(|check| match check {
            Check::Rules(index) => Some(*index as usize),
            _ => None,
        });
        index
            .and_then(|index| self.schema.rules.get(index))
            .map_or(&[], |rules| rules)
    }

    /// The keys that identify the items of a list of type `map`.
    pub fn list_keys(self) -> Vec<&'s str> {
        let keys = self.checks().iter().find_map(|check| match check {
            Check::ListKeys(span) => Some(*span),
            _ => None,
        });
        keys.map(|span| self.names(span).collect())
            .unwrap_or_default()
    }
}
