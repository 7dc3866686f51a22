//! Builds the arrays of a schema, and deduplicates their contents.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::OnceLock;

use serde_json::Value;

use super::{CompileError, NODES_MAX};
use crate::arena::{Check, Field, Flags, Node, NodeId, Rule, Schema, Span};
use crate::pattern::Pattern;

/// An array of distinct runs of elements.
#[derive(Debug)]
struct Runs<T> {
    all: Vec<T>,
    known: HashMap<Box<[T]>, Span>,
}

impl<T> Default for Runs<T> {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            known: HashMap::new(),
        }
    }
}

impl<T: Clone + Eq + Hash> Runs<T> {
    fn add(&mut self, run: Vec<T>) -> Result<Span, CompileError> {
        if run.is_empty() {
            return Ok(Span::default());
        }
        if let Some(span) = self.known.get(run.as_slice()) {
            return Ok(*span);
        }
        let span = span(self.all.len(), run.len())?;
        self.all.extend(run.iter().cloned());
        self.known.insert(run.into(), span);
        Ok(span)
    }
}

fn span(start: usize, len: usize) -> Result<Span, CompileError> {
    let number = |n: usize| u32::try_from(n).map_err(|_| CompileError::TooLarge);
    // the end must fit, too
    number(start + len)?;
    Ok(Span {
        start: number(start)?,
        len: number(len)?,
    })
}

fn index(len: usize) -> Result<u32, CompileError> {
    u32::try_from(len).map_err(|_| CompileError::TooLarge)
}

#[derive(Debug, Default)]
pub(super) struct Builder {
    visited: usize,
    nodes: Vec<Node>,
    known_nodes: HashMap<Node, NodeId>,
    fields: Runs<Field>,
    checks: Runs<Check>,
    branches: Runs<NodeId>,
    names: Runs<Span>,
    text: String,
    known_text: HashMap<Box<str>, Span>,
    values: Vec<Value>,
    known_values: HashMap<String, Span>,
    patterns: Vec<Pattern>,
    known_patterns: HashMap<Box<str>, u32>,
    rules: Vec<Box<[Rule]>>,
    known_rules: HashMap<Box<[Rule]>, u32>,
}

impl Builder {
    pub(super) fn count(&mut self) -> Result<(), CompileError> {
        self.visited += 1;
        if self.visited > NODES_MAX {
            return Err(CompileError::TooLarge);
        }
        Ok(())
    }

    pub(super) fn node(&mut self, node: Node) -> Result<NodeId, CompileError> {
        if let Some(id) = self.known_nodes.get(&node) {
            return Ok(*id);
        }
        let id = NodeId::new(self.nodes.len()).ok_or(CompileError::TooLarge)?;
        self.nodes.push(node);
        self.known_nodes.insert(node, id);
        Ok(id)
    }

    /// Sets the flags that a node has if one of its descendants does.
    pub(super) fn inherit(&self, flags: &mut Flags, below: impl Iterator<Item = NodeId>) {
        for node in below.filter_map(|id| self.nodes.get(id.index())) {
            for flag in [Flags::EMBEDS, Flags::UNIQUE, Flags::RULES] {
                flags.set(flag, node.flags.has(flag));
            }
        }
    }

    pub(super) fn fields(&mut self, fields: Vec<Field>) -> Result<Span, CompileError> {
        self.fields.add(fields)
    }

    pub(super) fn checks(&mut self, checks: Vec<Check>) -> Result<Span, CompileError> {
        self.checks.add(checks)
    }

    pub(super) fn branches(&mut self, branches: Vec<NodeId>) -> Result<Span, CompileError> {
        self.branches.add(branches)
    }

    pub(super) fn name(&mut self, name: &str) -> Result<Span, CompileError> {
        if let Some(span) = self.known_text.get(name) {
            return Ok(*span);
        }
        let span = span(self.text.len(), name.len())?;
        self.text.push_str(name);
        self.known_text.insert(name.into(), span);
        Ok(span)
    }

    pub(super) fn names(&mut self, names: &[String]) -> Result<Span, CompileError> {
        let names: Result<Vec<_>, _> = names.iter().map(|n| self.name(n)).collect();
        self.names.add(names?)
    }

    pub(super) fn choices(&mut self, choices: Vec<Value>) -> Result<Span, CompileError> {
        let key = Value::Array(choices.clone()).to_string();
        if let Some(span) = self.known_values.get(&key) {
            return Ok(*span);
        }
        let span = span(self.values.len(), choices.len())?;
        self.values.extend(choices);
        self.known_values.insert(key, span);
        Ok(span)
    }

    /// The index of a default plus one.
    pub(super) fn add_default(&mut self, value: &Value) -> Result<u32, CompileError> {
        if value.is_null() {
            return Ok(0);
        }
        Ok(self.choices(vec![value.clone()])?.start + 1)
    }

    pub(super) fn pattern(&mut self, source: &str) -> Result<u32, CompileError> {
        if let Some(index) = self.known_patterns.get(source) {
            return Ok(*index);
        }
        let index = index(self.patterns.len())?;
        self.patterns.push(Pattern::new(source));
        self.known_patterns.insert(source.into(), index);
        Ok(index)
    }

    pub(super) fn rules(&mut self, rules: Vec<Rule>) -> Result<u32, CompileError> {
        if let Some(index) = self.known_rules.get(rules.as_slice()) {
            return Ok(*index);
        }
        let index = index(self.rules.len())?;
        let rules: Box<[Rule]> = rules.into();
        self.rules.push(rules.clone());
        self.known_rules.insert(rules, index);
        Ok(index)
    }

    pub(super) fn finish(self, root: NodeId) -> Schema {
        Schema {
            nodes: self.nodes.into(),
            fields: self.fields.all.into(),
            checks: self.checks.all.into(),
            branches: self.branches.all.into(),
            names: self.names.all.into(),
            text: self.text.into(),
            values: self.values.into(),
            patterns: self.patterns.into(),
            rules: self.rules.into(),
            programs: OnceLock::new(),
            root,
        }
    }
}
