//! The functions of expressions: signatures, implementations, and versions.

mod authz;
mod building;
mod comparisons;
mod conversions;
mod format_text;
mod formats;
mod list_ops;
mod lists;
mod net;
mod optional;
mod patches;
mod positions;
mod quantity;
mod regexes;
mod repetition;
mod semver;
mod sets;
mod standard;
mod strings;
#[cfg(test)]
mod tests;
mod times;
mod url;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::error::EvalError;
use crate::meter::Meter;
use crate::types::Type;
use crate::value::{Evaluated, Value};

pub(crate) use building::{append, insert_into};
pub(crate) use conversions::is_conversion;
pub(crate) use regexes::compile as compile_regex;
pub(crate) use regexes::matches_with;
pub(crate) use standard::add_values;
pub(crate) use times::fits_literal;

/// The implementation of a function; the target is the first argument.
pub(crate) type Run = for<'a> fn(&mut Meter, &[Value<'a>]) -> Evaluated<'a>;

/// One overload of a function.
#[derive(Debug)]
pub(crate) struct Overload {
    /// Its id in `cel-go`, which determines its cost.
    pub(crate) id: &'static str,
    pub(crate) member: bool,
    /// The target comes first.
    pub(crate) args: Vec<Type>,
    pub(crate) result: Type,
    /// The number of type parameters of its signature.
    pub(crate) params: u32,
    /// The minor version of Kubernetes that introduced it.
    pub(crate) since: u32,
    pub(crate) run: Run,
}

impl Overload {
    /// Whether it accepts these values.
    pub(crate) fn accepts(&self, args: &[Value<'_>]) -> bool {
        self.args.len() == args.len() && self.args.iter().zip(args).all(|(t, v)| v.fits(t))
    }
}

/// All functions by name.
#[derive(Debug, Default)]
pub(crate) struct Library {
    functions: HashMap<&'static str, Vec<Overload>>,
    /// The version of the functions that are added next.
    since: u32,
}

static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
    let mut library = Library::default();
    for (since, add) in PARTS {
        library.since = *since;
        add(&mut library);
    }
    library
});

type Part = (u32, fn(&mut Library));

/// The version of environments whose expressions describe patches: they have all functions, and some
/// that no version of Kubernetes has elsewhere.
pub(crate) const PATCHES: u32 = u32::MAX;

/// As `apiserver/pkg/cel/environment/base.go` enables them; `0` for those that always existed.
const PARTS: &[Part] = &[
    (0, standard::add),
    (0, comparisons::add),
    (28, comparisons::add_cross_type),
    (0, conversions::add),
    (0, times::add),
    (0, strings::add),
    (29, strings::add_version_2),
    (0, lists::add),
    (37, lists::add_version_1),
    (0, regexes::add),
    (0, url::add),
    (27, authz::add),
    (28, optional::add),
    (28, quantity::add),
    (29, sets::add),
    (30, net::add),
    (31, formats::add),
    (31, authz::add_selectors),
    (32, standard::add_two_variables),
    (33, semver::add),
    (34, list_ops::add),
    (PATCHES, patches::add),
];

/// The overloads of a function; `None` if the version does not have it.
pub(crate) fn function(name: &str, version: u32) -> Option<&'static [Overload]> {
    let overloads = LIBRARY.functions.get(name)?;
    overloads
        .iter()
        .any(|o| o.since <= version)
        .then_some(overloads)
}

impl Library {
    fn add(&mut self, name: &'static str, member: bool, overload: Def) {
        let Def(id, args, result, run) = overload;
        let params = args
            .iter()
            .map(type_params)
            .max()
            .unwrap_or(0)
            .max(type_params(&result));
        let overload = Overload {
            id,
            member,
            args,
            result,
            params,
            since: self.since,
            run,
        };
        self.functions.entry(name).or_default().push(overload);
    }

    /// A function `name(…)`.
    fn global(&mut self, name: &'static str, overloads: impl IntoIterator<Item = Def>) {
        overloads
            .into_iter()
            .for_each(|overload| self.add(name, false, overload));
    }

    /// A function `target.name(…)`.
    fn member(&mut self, name: &'static str, overloads: impl IntoIterator<Item = Def>) {
        overloads
            .into_iter()
            .for_each(|overload| self.add(name, true, overload));
    }
}

/// Id, types of arguments, type of result, and implementation of an overload.
struct Def(&'static str, Vec<Type>, Type, Run);

/// The number of type parameters, starting with `A`.
fn type_params(of: &Type) -> u32 {
    match of {
        Type::Param(id) => id + 1,
        Type::List(of) | Type::Optional(of) | Type::Type(Some(of)) => type_params(of),
        Type::Map(entry) => type_params(&entry.0).max(type_params(&entry.1)),
        _ => 0,
    }
}

/// The first type parameter of a signature.
const A: Type = Type::Param(0);
/// The second type parameter.
const B: Type = Type::Param(1);

fn list(of: Type) -> Type {
    Type::list(of)
}

/// The error for arguments of a wrong type, which the checker cannot detect for dynamic values.
fn mismatch<'a>() -> Evaluated<'a> {
    Err(EvalError::no_such_overload())
}
