//! The type checker, which also resolves names and calls.
//!
//! It follows that of `cel-go`, including its messages: types are unified, and a call may keep
//! several overloads of a function if a dynamic value decides between them.

mod calls;
mod fold;
#[cfg(test)]
mod tests;
mod unify;
mod values;

use std::collections::BTreeMap;

use crate::ast::{Comprehension, Expr, Kind, Literal, Name, Select};
use crate::checked::{Annotations, Resolved};
use crate::error::EvalError;
use crate::meter::CompiledRegex;
use crate::parser::dotted;
use crate::scope::Scope;
use crate::source::Issue;
use crate::types::Type;
use unify::Unifier;

pub(crate) use self::fold::fold;

/// Checks a tree of `nodes` nodes.
///
/// # Errors
/// All issues.
pub(crate) fn check(scope: &Scope, expr: &Expr, nodes: u32) -> Result<Annotations, Vec<Issue>> {
    let mut checker = Checker {
        scope,
        issues: Vec::new(),
        types: vec![Type::Error; nodes as usize],
        resolved: (0..nodes).map(|_| Resolved::None).collect(),
        locals: Vec::new(),
        unifier: Unifier::default(),
        formats: 0,
        regexes: Vec::new(),
        regex_error: None,
    };
    checker.check(expr);
    if checker.unifier.exhausted() {
        let message = "the types of the expression are too complex".to_owned();
        checker.issues.push(Issue {
            offset: None,
            message,
        });
    }
    if !checker.issues.is_empty() {
        return Err(checker.issues);
    }
    let Checker {
        types,
        resolved,
        regexes,
        regex_error,
        mut unifier,
        ..
    } = checker;
    let types = types
        .iter()
        .map(|of| unifier.substitute(of, true))
        .collect();
    Ok(Annotations {
        types,
        resolved,
        constants: BTreeMap::new(),
        regexes,
        regex_error,
    })
}

struct Checker<'s> {
    scope: &'s Scope,
    issues: Vec<Issue>,
    types: Vec<Type>,
    resolved: Vec<Resolved>,
    locals: Vec<(Name, Type)>,
    unifier: Unifier,
    /// The number of calls of `format` around the expression, in which literals may mix types.
    formats: usize,
    /// The regular expressions of `find` and `findAll` that are literals.
    regexes: Vec<CompiledRegex>,
    regex_error: Option<EvalError>,
}

impl Checker<'_> {
    fn report(&mut self, offset: u32, message: String) {
        self.issues.push(Issue {
            offset: Some(offset),
            message,
        });
    }

    fn type_of(&self, expr: &Expr) -> &Type {
        &self.types[expr.id as usize]
    }

    fn resolve(&mut self, expr: &Expr, resolved: Resolved) {
        self.resolved[expr.id as usize] = resolved;
    }

    /// Infers the type of a tree, whose depth the parser limits.
    fn check(&mut self, expr: &Expr) {
        let of = match &expr.kind {
            Kind::Literal(literal) => literal_type(literal),
            Kind::Ident(name) => self.ident(expr, name),
            Kind::Select(select) => self.select(expr, select),
            Kind::Call(call) => self.call(expr, call),
            Kind::List(elements) => self.list(elements),
            Kind::Map(entries) => self.map(entries),
            Kind::Struct(make) => self.make(expr, make),
            Kind::Comprehension(parts) => self.comprehension(parts),
        };
        self.types[expr.id as usize] = of;
    }

    fn ident(&mut self, expr: &Expr, name: &str) -> Type {
        if let Some(of) = self.resolve_name(expr, name) {
            return of;
        }
        self.undeclared(expr.offset, name);
        Type::Error
    }

    fn undeclared(&mut self, offset: u32, name: &str) {
        self.report(
            offset,
            format!("undeclared reference to '{name}' (in container '')"),
        );
    }

    /// Resolves a local name, a variable or a type, and returns its type.
    fn resolve_name(&mut self, expr: &Expr, name: &str) -> Option<Type> {
        let global = name.strip_prefix('.');
        let local = self.locals.iter().rposition(|(local, _)| &**local == name);
        if let Some(index) = local {
            let of = self.locals[index].1.clone();
            self.resolve(
                expr,
                Resolved::Local(u16::try_from(index).unwrap_or(u16::MAX)),
            );
            return Some(of);
        }
        let name = global.unwrap_or(name);
        if let Some((index, of)) = self.scope.variable(name) {
            self.resolve(expr, Resolved::Variable(index));
            return Some(of);
        }
        let of = self.scope.named_type(name)?;
        self.resolve(expr, Resolved::of_type(of.clone()));
        Some(Type::Type(Some(of.into())))
    }

    fn select(&mut self, expr: &Expr, select: &Select) -> Type {
        if !select.test
            && let Some(name) = dotted(expr)
            && !self.starts_with_local(&name)
            && let Some(of) = self.resolve_name(expr, &name)
        {
            return of;
        }
        self.check(&select.operand);
        let of = self.field(expr.offset, &select.operand, &select.field, false);
        if select.test {
            Type::Bool
        } else {
            self.unifier.substitute(&of, false)
        }
    }

    fn starts_with_local(&self, name: &str) -> bool {
        let first = name.split('.').next().unwrap_or_default();
        self.locals.iter().any(|(local, _)| &**local == first)
    }

    /// The type of a field of a checked operand.
    fn field(&mut self, offset: u32, operand: &Expr, field: &str, optional: bool) -> Type {
        let operand = self.type_of(operand).clone();
        let operand = self.unifier.substitute(&operand, false);
        let (target, was_optional) = match operand {
            Type::Optional(of) => ((*of).clone(), true),
            other => (other, false),
        };
        let of = match &target {
            Type::Map(entry) => entry.1.clone(),
            Type::Object(object) => match object.field(field) {
                Some(field) => Type::from(&field.decl),
                None if object.open => Type::Dyn,
                None => {
                    self.report(offset, format!("undefined field '{field}'"));
                    Type::Error
                }
            },
            Type::Param(_) => {
                self.unifier.assignable(&Type::Dyn, &target);
                Type::Dyn
            }
            other => {
                if !other.is_dyn_or_error() {
                    self.report(
                        offset,
                        format!("type '{other}' does not support field selection"),
                    );
                }
                Type::Dyn
            }
        };
        if optional || was_optional {
            Type::optional(of)
        } else {
            of
        }
    }

    fn comprehension(&mut self, parts: &Comprehension) -> Type {
        self.check(&parts.range);
        self.check(&parts.init);
        let range = self.type_of(&parts.range).clone();
        let range = self.unifier.substitute(&range, false);
        let accu = self.type_of(&parts.init).clone();
        let depth = self.locals.len();
        self.locals.push((parts.accu.clone(), accu.clone()));
        let (one, two) = self.range_types(&parts.range, &range);
        match &parts.var2 {
            None => {
                let of = if matches!(range, Type::List(_)) {
                    two
                } else {
                    one
                };
                self.locals.push((parts.var.clone(), of));
            }
            Some(var2) => {
                self.locals.push((parts.var.clone(), one));
                self.locals.push((var2.clone(), two));
            }
        }
        self.check(&parts.condition);
        self.assert(&parts.condition, &Type::Bool);
        self.check(&parts.step);
        self.assert(&parts.step, &accu);
        self.locals.truncate(depth + 1);
        self.check(&parts.result);
        self.locals.truncate(depth);
        let result = self.type_of(&parts.result).clone();
        self.unifier.substitute(&result, false)
    }

    /// The types of keys or indices, and of values, that a comprehension iterates over.
    fn range_types(&mut self, range: &Expr, of: &Type) -> (Type, Type) {
        match of {
            Type::List(element) => (Type::Int, (**element).clone()),
            Type::Map(entry) => (entry.0.clone(), entry.1.clone()),
            Type::Dyn | Type::Error | Type::Param(_) => {
                self.unifier.assignable(&Type::Dyn, of);
                (Type::Dyn, Type::Dyn)
            }
            other => {
                self.report(
                    range.offset,
                    format!(
                        "expression of type '{other}' cannot be range of a comprehension \
                         (must be list, map, or dynamic)"
                    ),
                );
                (Type::Error, Type::Error)
            }
        }
    }

    fn assert(&mut self, expr: &Expr, expected: &Type) {
        let found = self.type_of(expr).clone();
        if !self.unifier.assignable(expected, &found) {
            self.mismatch(expr.offset, expected, &found);
        }
    }

    fn mismatch(&mut self, offset: u32, expected: &Type, found: &Type) {
        let expected = self.unifier.substitute(expected, false);
        let found = self.unifier.substitute(found, false);
        self.report(
            offset,
            format!("expected type '{expected}' but found '{found}'"),
        );
    }
}

const fn literal_type(literal: &Literal) -> Type {
    match literal {
        Literal::Null => Type::Null,
        Literal::Bool(_) => Type::Bool,
        Literal::Int(_) => Type::Int,
        Literal::Uint(_) => Type::Uint,
        Literal::Double(_) => Type::Double,
        Literal::String(_) => Type::String,
        Literal::Bytes(_) => Type::Bytes,
    }
}
