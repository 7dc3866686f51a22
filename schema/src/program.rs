//! The compiled CEL rules of a schema. They are kept apart from its nodes, because they are compiled
//! later.

use std::collections::HashMap;

use portcullis_cel::Program;

/// The compiled rules, by the number of their node.
#[derive(Debug, Default)]
pub(crate) struct Programs(HashMap<usize, NodeRules>);

impl Programs {
    /// The rules of a node, if it has any.
    pub(crate) fn of(&self, node: usize) -> Option<&NodeRules> {
        self.0.get(&node)
    }

    pub(crate) fn add(&mut self, node: usize, rules: NodeRules) {
        self.0.insert(node, rules);
    }
}

/// The rules of one node.
#[derive(Debug)]
pub(crate) enum NodeRules {
    /// Expressions cannot access values of the node.
    Untyped,
    /// One for each rule of the definition, in their order.
    Typed(TypedRules),
}

/// The rules of a node with a declared type.
#[derive(Debug)]
pub(crate) struct TypedRules {
    pub(crate) rules: Box<[CompiledRule]>,
    /// How many values of the type fit into a request.
    pub(crate) occurrences: u64,
}

/// A rule, or why it cannot be evaluated.
#[derive(Debug)]
pub(crate) enum CompiledRule {
    /// It has no expression.
    Empty,
    /// It does not compile, with upstream's message.
    Invalid(Box<str>),
    Valid(Box<Condition>),
}

/// A rule that can be evaluated.
#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) program: Program,
    /// Whether it refers to `oldSelf`: it is a transition rule.
    pub(crate) uses_old: bool,
    /// The expression of the message, or why it does not compile.
    pub(crate) message: Option<Result<Program, Box<str>>>,
    /// The path of the invalid field below the node, normalized; may be empty.
    pub(crate) field_path: Box<str>,
}
