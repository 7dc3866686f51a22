//! A compiled schema: nodes in one array, each known by its place, with all text in one string.
//!
//! Nodes that say the same are one node, so a pod template costs its size once however often a
//! definition repeats it.

use std::num::NonZeroU32;

use serde_json::Value;

use crate::format::Format;
use crate::pattern::Pattern;

/// The place of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId(NonZeroU32);

impl NodeId {
    pub(crate) fn new(index: usize) -> Option<Self> {
        let number = u32::try_from(index).ok()?.checked_add(1)?;
        NonZeroU32::new(number).map(Self)
    }

    pub(crate) fn place(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// A part of one of the arrays.
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

/// A property.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Field {
    pub(crate) name: Span,
    pub(crate) node: NodeId,
}

/// A float that can be compared by its bits.
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

/// What a value must satisfy beside its type. Most nodes have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Check {
    AnyOf(Span),
    OneOf(Span),
    AllOf(Span),
    Not(NodeId),
    MaxLength(i64),
    MinLength(i64),
    Pattern(u32),
    /// The format and its name as the definition spells it.
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
    /// The CEL rules of the node, by their place in [`Schema::rules`].
    Rules(u32),
}

/// What a node is, in bits.
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
        // additionalProperties: true, or a schema; and false
        OPEN 10, CLOSED 11,
        LIST_ATOMIC 12, LIST_SET 13, LIST_MAP 14, MAP_ATOMIC 15,
        // some node below is an embedded resource
        EMBEDS 16,
        // some node below is a list of type set or map
        UNIQUE 17,
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

/// One schema: of an object, a property, an item or a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    pub(crate) flags: Flags,
    pub(crate) fields: Span,
    pub(crate) checks: Span,
    pub(crate) items: Option<NodeId>,
    pub(crate) values: Option<NodeId>,
    /// One more than the place of the default; 0 if there is none.
    pub(crate) default: u32,
}

/// A rule of `x-kubernetes-validations`, as the definition has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// The expression.
    pub rule: Box<str>,
    /// What is said when it is not satisfied; may be empty.
    pub message: Box<str>,
    /// An expression that makes the message; may be empty.
    pub message_expression: Box<str>,
    /// The machine-readable reason; empty if the default serves.
    pub reason: Box<str>,
    /// The field at fault, relative to the node; may be empty.
    pub field_path: Box<str>,
    /// Whether `oldSelf` is an optional, and the rule also runs when there is no old value.
    pub optional_old_self: Option<bool>,
}

/// A compiled structural schema. It is made once for each version of a definition and shared.
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

    /// Whether anything in the schema has CEL rules.
    pub fn has_rules(&self) -> bool {
        !self.rules.is_empty()
    }

    /// How many distinct nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no node; there always is one.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// How many bytes the schema takes, apart from expressions that were compiled on use.
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
            // as a guess, half a node of the tree for each field
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
        &self.schema.nodes[self.id.place()]
    }

    pub(crate) fn has(self, flags: Flags) -> bool {
        self.node().flags.has(flags)
    }

    pub(crate) fn flags(self) -> Flags {
        self.node().flags
    }

    /// A number that tells the node from all others of its schema: where things that are made of a
    /// node, such as its compiled rules, can be kept.
    pub fn number(self) -> usize {
        self.id.place()
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

    /// The node of what stands in a map, if `additionalProperties` is a schema.
    pub fn values(self) -> Option<Self> {
        self.node().values.map(|id| self.schema.at(id))
    }

    /// The node of a list's items.
    pub fn items(self) -> Option<Self> {
        self.node().items.map(|id| self.schema.at(id))
    }

    /// The default.
    pub fn default(self) -> Option<&'s Value> {
        let place = (self.node().default as usize).checked_sub(1)?;
        self.schema.values.get(place)
    }

    /// Whether `null` is a value of its own here.
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

    pub(crate) fn pattern(self, place: u32) -> Option<&'s Pattern> {
        self.schema.patterns.get(place as usize)
    }

    /// The CEL rules of the node.
    pub fn rules(self) -> &'s [Rule] {
        let place = self.checks().iter().find_map(|check| match check {
            Check::Rules(place) => Some(*place as usize),
            _ => None,
        });
        place
            .and_then(|place| self.schema.rules.get(place))
            .map_or(&[], |rules| rules)
    }

    /// The keys that tell the items of a list of type `map` apart.
    pub fn list_keys(self) -> Vec<&'s str> {
        let keys = self.checks().iter().find_map(|check| match check {
            Check::ListKeys(span) => Some(*span),
            _ => None,
        });
        keys.map(|span| self.names(span).collect())
            .unwrap_or_default()
    }
}
