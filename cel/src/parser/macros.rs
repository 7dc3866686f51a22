//! Macros: calls that are expanded to larger trees, as in `cel-go`.

use crate::ast::{ACCUMULATOR, Comprehension, Expr, Kind, Literal, Name, UNUSED};

use super::{Parsed, Parser};

/// The result of expanding a call.
pub(super) enum Expanded {
    To(Expr),
    /// It is not a macro; target and arguments are returned.
    Not(Expr, Vec<Expr>),
}

/// `has(a.b)`.
pub(super) fn has(parser: &mut Parser<'_>, offset: u32, mut args: Vec<Expr>) -> Parsed<Expr> {
    let arg = args.remove(0);
    match arg.kind {
        Kind::Select(select) => parser
            .build
            .select(offset, select.operand, select.field, true),
        _ => {
            parser.report(arg.offset, "invalid argument to has() macro");
            Ok(arg)
        }
    }
}

/// Expands a member call, if its name and number of arguments are those of a macro.
pub(super) fn member(
    parser: &mut Parser<'_>,
    offset: u32,
    name: &str,
    target: Expr,
    args: Vec<Expr>,
) -> Parsed<Expanded> {
    let syntax = parser.syntax;
    let two = syntax.two_variables;
    let expander: Expander = match (name, args.len()) {
        ("all" | "exists" | "exists_one" | "existsOne" | "filter", 2) | ("map", 2 | 3) => {
            one_variable
        }
        ("all" | "exists" | "exists_one" | "existsOne", 3) if two => two_variables,
        ("transformList" | "transformMap" | "transformMapEntry", 3 | 4) if two => two_variables,
        ("optMap" | "optFlatMap", 2) if syntax.optionals => opt_map,
        ("sortBy", 2) if syntax.sort_by => sort_by,
        _ => return Ok(Expanded::Not(target, args)),
    };
    expander(parser, offset, name, target, args).map(Expanded::To)
}

type Expander = fn(&mut Parser<'_>, u32, &str, Expr, Vec<Expr>) -> Parsed<Expr>;

fn one_variable(
    parser: &mut Parser<'_>,
    offset: u32,
    name: &str,
    target: Expr,
    mut args: Vec<Expr>,
) -> Parsed<Expr> {
    let text = match name {
        "map" | "filter" => "argument is not an identifier",
        _ => "argument must be a simple name",
    };
    let variable = args.remove(0);
    let Some(var) = variable_name(parser, &variable, text) else {
        return Ok(target);
    };
    let body = Body::new(parser, offset, name, args, &variable, &var)?;
    body.over(parser, offset, target, var, None)
}

fn two_variables(
    parser: &mut Parser<'_>,
    offset: u32,
    name: &str,
    target: Expr,
    mut args: Vec<Expr>,
) -> Parsed<Expr> {
    let (first, second) = (args.remove(0), args.remove(0));
    let text = "argument must be a simple name";
    let Some(var) = variable_name(parser, &first, text) else {
        return Ok(target);
    };
    let Some(var2) = variable_name(parser, &second, text) else {
        return Ok(target);
    };
    if var == var2 {
        parser.report(second.offset, format!("duplicate variable name: {var}"));
        return Ok(target);
    }
    let body = Body::new(parser, offset, name, args, &first, &var)?;
    body.over(parser, offset, target, var, Some(var2))
}

fn variable_name(parser: &mut Parser<'_>, expr: &Expr, text: &str) -> Option<Name> {
    match &expr.kind {
        Kind::Ident(name) if &**name == "__result__" => {
            parser.report(
                expr.offset,
                "iteration variable overwrites accumulator variable",
            );
            None
        }
        Kind::Ident(name) => Some(name.clone()),
        _ => {
            parser.report(expr.offset, text);
            None
        }
    }
}

/// The initial value, step and result of a comprehension.
struct Body {
    init: Expr,
    condition: Expr,
    step: Expr,
    result: Expr,
}

impl Body {
    fn new(
        parser: &mut Parser<'_>,
        offset: u32,
        name: &str,
        args: Vec<Expr>,
        variable: &Expr,
        var: &str,
    ) -> Parsed<Self> {
        match name {
            "all" => Self::quantifier(parser, offset, true, args),
            "exists" => Self::quantifier(parser, offset, false, args),
            "exists_one" | "existsOne" => Self::one(parser, offset, args),
            _ => Self::collection(parser, offset, name, args, variable, var),
        }
    }

    fn over(
        self,
        parser: &mut Parser<'_>,
        offset: u32,
        range: Expr,
        var: Name,
        var2: Option<Name>,
    ) -> Parsed<Expr> {
        let Self {
            init,
            condition,
            step,
            result,
        } = self;
        let accu = ACCUMULATOR.into();
        let parts = Comprehension {
            range,
            var,
            var2,
            accu,
            init,
            condition,
            step,
            result,
        };
        parser.build.comprehension(offset, parts)
    }

    fn quantifier(
        parser: &mut Parser<'_>,
        offset: u32,
        all: bool,
        args: Vec<Expr>,
    ) -> Parsed<Self> {
        let b = &mut parser.build;
        let init = b.literal(offset, Literal::Bool(all))?;
        let mut going = b.accumulator(offset)?;
        if !all {
            going = b.call(offset, "!_", vec![going])?;
        }
        let condition = b.call(offset, "@not_strictly_false", vec![going])?;
        let mut terms = vec![b.accumulator(offset)?];
        terms.extend(args);
        let step = b.call(offset, if all { "_&&_" } else { "_||_" }, terms)?;
        let result = b.accumulator(offset)?;
        Ok(Self {
            init,
            condition,
            step,
            result,
        })
    }

    fn one(parser: &mut Parser<'_>, offset: u32, mut args: Vec<Expr>) -> Parsed<Self> {
        let b = &mut parser.build;
        let init = b.literal(offset, Literal::Int(0))?;
        let condition = b.literal(offset, Literal::Bool(true))?;
        let sum = vec![b.accumulator(offset)?, b.literal(offset, Literal::Int(1))?];
        let more = b.call(offset, "_+_", sum)?;
        let same = b.accumulator(offset)?;
        let step = b.call(offset, "_?_:_", vec![args.remove(0), more, same])?;
        let count = vec![b.accumulator(offset)?, b.literal(offset, Literal::Int(1))?];
        let result = b.call(offset, "_==_", count)?;
        Ok(Self {
            init,
            condition,
            step,
            result,
        })
    }

    /// `map`, `filter` and the three `transform…`.
    fn collection(
        parser: &mut Parser<'_>,
        offset: u32,
        name: &str,
        mut args: Vec<Expr>,
        variable: &Expr,
        var: &str,
    ) -> Parsed<Self> {
        let b = &mut parser.build;
        let into_map = matches!(name, "transformMap" | "transformMapEntry");
        let init = if into_map {
            b.node(offset, Kind::Map(Vec::new()))?
        } else {
            b.list(offset, Vec::new())?
        };
        let condition = b.literal(offset, Literal::Bool(true))?;
        let filter = (name == "filter" || args.len() == 2).then(|| args.remove(0));
        let item = match args.pop() {
            Some(item) => item,
            None => b.copy(variable)?,
        };
        let accu = b.accumulator(offset)?;
        let mut step = match name {
            "transformMap" => {
                let key = b.ident(offset, var)?;
                b.call(offset, "cel.@mapInsert", vec![accu, key, item])?
            }
            "transformMapEntry" => b.call(offset, "cel.@mapInsert", vec![accu, item])?,
            _ => {
                let one = b.list(offset, vec![item])?;
                b.call(offset, "_+_", vec![accu, one])?
            }
        };
        if let Some(filter) = filter {
            let same = b.accumulator(offset)?;
            step = b.call(offset, "_?_:_", vec![filter, step, same])?;
        }
        let result = b.accumulator(offset)?;
        Ok(Self {
            init,
            condition,
            step,
            result,
        })
    }
}

/// A comprehension without iterations, which binds `var` to `value` in `result`.
fn bind(
    parser: &mut Parser<'_>,
    offset: u32,
    var: &str,
    value: Expr,
    result: Expr,
) -> Parsed<Expr> {
    let b = &mut parser.build;
    let parts = Comprehension {
        range: b.list(offset, Vec::new())?,
        var: UNUSED.into(),
        var2: None,
        accu: var.into(),
        init: value,
        condition: b.literal(offset, Literal::Bool(false))?,
        step: b.ident(offset, var)?,
        result,
    };
    b.comprehension(offset, parts)
}

fn opt_map(
    parser: &mut Parser<'_>,
    offset: u32,
    name: &str,
    target: Expr,
    mut args: Vec<Expr>,
) -> Parsed<Expr> {
    let variable = args.remove(0);
    let Kind::Ident(var) = &variable.kind else {
        parser.report(
            variable.offset,
            format!("{name}() variable name must be a simple identifier"),
        );
        return Ok(target);
    };
    let again = parser.build.copy(&target)?;
    let there = parser
        .build
        .member(offset, "hasValue", target, Vec::new())?;
    let value = parser.build.member(offset, "value", again, Vec::new())?;
    let mut mapped = bind(parser, offset, var, value, args.remove(0))?;
    if name == "optMap" {
        mapped = parser.build.call(offset, "optional.of", vec![mapped])?;
    }
    let none = parser.build.call(offset, "optional.none", Vec::new())?;
    parser
        .build
        .call(offset, "_?_:_", vec![there, mapped, none])
}

fn sort_by(
    parser: &mut Parser<'_>,
    offset: u32,
    _: &str,
    target: Expr,
    args: Vec<Expr>,
) -> Parsed<Expr> {
    const INPUT: &str = "@__sortBy_input__";
    if matches!(
        target.kind,
        Kind::Literal(_) | Kind::Map(_) | Kind::Struct(_)
    ) {
        parser.report(
            target.offset,
            "sortBy can only be applied to a list, identifier, comprehension, call or select expression",
        );
        return Ok(target);
    }
    let input = parser.build.ident(offset, INPUT)?;
    let keys = one_variable(parser, offset, "map", input, args)?;
    let list = parser.build.ident(offset, INPUT)?;
    let sorted = parser
        .build
        .member(offset, "@sortByAssociatedKeys", list, vec![keys])?;
    bind(parser, offset, INPUT, target, sorted)
}
