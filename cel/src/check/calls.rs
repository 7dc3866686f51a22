//! Resolution of calls to the overloads of a function.

use crate::ast::{Call, Expr, Kind, Literal};
use crate::check::Checker;
use crate::check::unify::instantiate;
use crate::checked::{Op, Resolved, Target};
use crate::library::{Overload, compile_regex, fits_literal, function};
use crate::parser::dotted;
use crate::types::Type;
use crate::value::Timestamp;

/// Functions whose literals are validated or compiled.
const NAMES: [&str; 4] = ["duration", "timestamp", "find", "findAll"];
const FINDS: [&str; 2] = ["find", "findAll"];
/// The number of regular expressions that are compiled with the expression that they are in.
const REGEXES_MAX: usize = 8;
/// The version from which literals are validated.
const VALIDATORS_SINCE: u32 = 29;

impl Checker<'_> {
    pub(super) fn call(&mut self, expr: &Expr, call: &Call) -> Type {
        if &*call.function == "_?._" {
            return self.optional_select(expr, call);
        }
        let formats = usize::from(&*call.function == "format");
        self.formats += formats;
        let of = self.call_of(expr, call);
        self.formats -= formats;
        of
    }

    fn call_of(&mut self, expr: &Expr, call: &Call) -> Type {
        for arg in &call.args {
            self.check(arg);
        }
        let version = self.scope.version;
        let name = call.function.strip_prefix('.').unwrap_or(&call.function);
        let Some(target) = &call.target else {
            return match function(name, version) {
                Some(overloads) => self.overload(expr, call, name, overloads, None),
                None => {
                    self.undeclared(expr.offset, name);
                    Type::Error
                }
            };
        };
        if let Some(prefix) = dotted(target)
            && let Some(overloads) = function(&format!("{prefix}.{name}"), version)
            && overloads.iter().any(|overload| !overload.member)
        {
            return self.overload(expr, call, &format!("{prefix}.{name}"), overloads, None);
        }
        self.check(target);
        match function(name, version) {
            Some(overloads) => self.overload(expr, call, name, overloads, Some(target)),
            None => {
                self.undeclared(expr.offset, name);
                Type::Error
            }
        }
    }

    /// `a.?b`.
    fn optional_select(&mut self, expr: &Expr, call: &Call) -> Type {
        let [operand, field] = &call.args[..] else {
            return Type::Error;
        };
        self.check(operand);
        self.types[field.id as usize] = Type::String;
        let Kind::Literal(Literal::String(name)) = &field.kind else {
            return Type::Error;
        };
        let of = self.field(expr.offset, operand, name, true);
        let overloads = function("_?._", self.scope.version).unwrap_or_default();
        let target = Target::new("_?._", overloads.iter().collect(), false);
        self.resolve(expr, Resolved::Call(Box::new(target)));
        self.unifier.substitute(&of, false)
    }

    /// Finds the overloads that accept the arguments, and returns the type of the result.
    fn overload(
        &mut self,
        expr: &Expr,
        call: &Call,
        name: &str,
        overloads: &'static [Overload],
        target: Option<&Expr>,
    ) -> Type {
        let args: Vec<Type> = target
            .into_iter()
            .chain(&call.args)
            .map(|arg| self.type_of(arg).clone())
            .collect();
        let mut fitting = Vec::new();
        let mut result: Option<Type> = None;
        for overload in overloads {
            if overload.since > self.scope.version || overload.member != target.is_some() {
                continue;
            }
            let first = self.unifier.fresh(overload.params);
            let asked: Vec<Type> = overload
                .args
                .iter()
                .map(|of| instantiate(of, first))
                .collect();
            if !self.unifier.assignable_all(&args, &asked) {
                continue;
            }
            fitting.push(overload);
            let of = self
                .unifier
                .substitute(&instantiate(&overload.result, first), false);
            result = Some(match result {
                Some(Type::Dyn) => Type::Dyn,
                Some(before) if before != of => Type::Dyn,
                _ => of,
            });
        }
        let Some(result) = result else {
            let args: Vec<_> = args
                .iter()
                .map(|of| self.unifier.substitute(of, true))
                .collect();
            let signature = signature(&args, target.is_some());
            self.report(
                expr.offset,
                format!("found no matching overload for '{name}' applied to '{signature}'"),
            );
            return Type::Error;
        };
        let namespaced = call.target.is_some() && target.is_none();
        let mut target = Target::new(name, fitting, namespaced);
        self.validate_literals(call, &mut target);
        self.resolve(expr, Resolved::Call(Box::new(target)));
        result
    }

    /// Rejects literals that are invalid for a function, and compiles regular expressions.
    fn validate_literals(&mut self, call: &Call, target: &mut Target) {
        let Some(arg) = call.args.first() else { return };
        let name = match target.op {
            Op::Matches => "matches".into(),
            Op::Other if NAMES.contains(&&*target.name) => target.name.clone(),
            _ => return,
        };
        let valid = match &arg.kind {
            Kind::Literal(Literal::String(text)) if target.op == Op::Matches => {
                let regex = compile_regex(text);
                target.regex = regex.clone().ok();
                regex.is_ok()
            }
            Kind::Literal(Literal::String(text)) if FINDS.contains(&&*name) => {
                self.find(text);
                true
            }
            Kind::Literal(Literal::String(text)) => fits_literal(&name, text),
            Kind::Literal(Literal::Int(seconds)) if &*name == "timestamp" => {
                Timestamp::new(*seconds, 0).is_some()
            }
            _ => true,
        };
        if !valid && self.scope.version >= VALIDATORS_SINCE {
            self.report(arg.offset, format!("invalid {name} argument"));
        }
    }

    /// Compiles a regular expression. Upstream reports an error later, when it makes the program.
    fn find(&mut self, pattern: &str) {
        match compile_regex(pattern) {
            Ok(regex) if self.regexes.len() < REGEXES_MAX => {
                self.regexes.push((pattern.into(), regex));
            }
            Ok(_) => {}
            Err(error) => {
                self.regex_error.get_or_insert(error);
            }
        }
    }
}

/// Formats the types of the target and the arguments.
fn signature(args: &[Type], member: bool) -> String {
    let show = |args: &[Type]| {
        let args: Vec<_> = args.iter().map(ToString::to_string).collect();
        format!("({})", args.join(", "))
    };
    match args.split_first() {
        Some((target, args)) if member => format!("{target}.{}", show(args)),
        _ => show(args),
    }
}
