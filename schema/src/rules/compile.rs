//! Compiles the rules of a schema.

use std::collections::HashSet;

use portcullis_cel::{DeclType, Environment, Program, Type};

use super::declare::declare;
use crate::arena::{Flags, NodeRef, Rule, Schema};
use crate::field_path;
use crate::program::{CompiledRule, Condition, NodeRules, Programs, TypedRules};

/// The minor version of Kubernetes whose functions rules may use.
const VERSION: u32 = 37;

pub(super) fn compile(schema: &Schema) -> Programs {
    let mut compiler = Compiler::default();
    compiler.node(schema.root(), None);
    compiler.programs
}

#[derive(Default)]
struct Compiler {
    programs: Programs,
    seen: HashSet<usize>,
}

impl Compiler {
    /// `inherited` is the declared type of the node, if an ancestor has rules: the types of all
    /// descendants are parts of its type.
    fn node(&mut self, node: NodeRef<'_>, inherited: Option<&DeclType>) {
        if !node.has(Flags::RULES) || !self.seen.insert(node.number()) {
            return;
        }
        let has_rules = !node.rules().is_empty();
        let own = match inherited {
            None if has_rules => declare(node),
            _ => None,
        };
        let decl = inherited.or(own.as_ref());
        if has_rules {
            let rules = decl.map_or(NodeRules::Untyped, |decl| rules(node, decl));
            self.programs.add(node.number(), rules);
        }
        let elements = decl.and_then(DeclType::elements);
        for child in node.values().into_iter().chain(node.items()) {
            self.node(child, elements);
        }
        for (name, property) in node.properties() {
            self.node(property, decl.and_then(|decl| decl.field(name)));
        }
    }
}

fn rules(node: NodeRef<'_>, decl: &DeclType) -> NodeRules {
    let with_self = || Environment::new(VERSION).with_variable("self", decl.clone());
    let plain = with_self().with_variable("oldSelf", decl.clone());
    let optional = with_self().with_optional_variable("oldSelf", decl.clone());
    let rules = node.rules().iter().map(|rule| {
        let env = match rule.optional_old_self {
            Some(true) => &optional,
            _ => &plain,
        };
        compiled(node, rule, env)
    });
    NodeRules::Typed(TypedRules {
        rules: rules.collect(),
        occurrences: decl.max_occurrences(),
    })
}

fn compiled(node: NodeRef<'_>, rule: &Rule, env: &Environment) -> CompiledRule {
    if rule.rule.trim().is_empty() {
        return CompiledRule::Empty;
    }
    let program = match condition(&rule.rule, env) {
        Ok(program) => program,
        Err(why) => return CompiledRule::Invalid(why),
    };
    let message = &*rule.message_expression;
    CompiledRule::Valid(Box::new(Condition {
        uses_old: program.uses("oldSelf"),
        program,
        message: (!message.is_empty()).then(|| message_program(message, env)),
        field_path: normalized(&rule.field_path, node)
            .unwrap_or_default()
            .into(),
    }))
}

fn condition(expression: &str, env: &Environment) -> Result<Program, Box<str>> {
    let program = env
        .compile(expression)
        .map_err(|error| format!("compilation failed: {error}"))?;
    if *program.result_type() != Type::Bool {
        return Err("cel expression must evaluate to a bool".into());
    }
    match program.instantiation_error() {
        None => Ok(program),
        Some(error) => Err(format!("program instantiation failed: {error}").into()),
    }
}

fn message_program(expression: &str, env: &Environment) -> Result<Program, Box<str>> {
    let program = env
        .compile(expression)
        .map_err(|error| format!("messageExpression compilation failed: {error}"))?;
    if *program.result_type() != Type::String {
        return Err("messageExpression must evaluate to a string".into());
    }
    match program.instantiation_error() {
        None => Ok(program),
        Some(error) => Err(format!("messageExpression instantiation failed: {error}").into()),
    }
}

/// The field path of a rule as errors have it.
fn normalized(path: &str, node: NodeRef<'_>) -> Result<String, String> {
    let mut at = Some(node);
    let mut out = String::new();
    field_path::read(path, true, &mut |name| {
        let not_found = || "does not refer to a valid field".to_owned();
        let node = at.ok_or_else(not_found)?;
        if node.properties().len() == 0 {
            out.push_str(&format!("[{name}]"));
            at = node.values();
            return Ok(());
        }
        if !out.is_empty() {
            out.push('.');
        }
        out.push_str(&name);
        at = Some(node.property(&name).ok_or_else(not_found)?);
        Ok(())
    })?;
    Ok(out)
}
