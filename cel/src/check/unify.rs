//! Unification of types.

use std::sync::Arc;

use crate::types::Type;

/// The limit of steps for the types of one expression, as types can grow with every step.
const MAX_STEPS: u32 = 500_000;

/// The bindings of type parameters. A failed unification changes nothing.
#[derive(Default)]
pub(super) struct Unifier {
    bound: Vec<Option<Type>>,
    /// The changed parameters with their old bindings, to roll back.
    trail: Vec<(u32, Option<Type>)>,
    steps: u32,
}

impl Unifier {
    pub(super) const fn exhausted(&self) -> bool {
        self.steps >= MAX_STEPS
    }

    /// Counts a step. Returns whether the limit allows it.
    fn step(&mut self) -> bool {
        if self.exhausted() {
            return false;
        }
        self.steps += 1;
        true
    }

    /// Reserves unbound parameters, and returns the first.
    pub(super) fn fresh(&mut self, count: u32) -> u32 {
        let first = u32::try_from(self.bound.len()).unwrap_or(u32::MAX);
        self.bound.resize(self.bound.len() + count as usize, None);
        first
    }

    pub(super) fn fresh_type(&mut self) -> Type {
        Type::Param(self.fresh(1))
    }

    fn find(&self, of: &Type) -> Option<&Type> {
        match of {
            Type::Param(id) => self.bound.get(*id as usize)?.as_ref(),
            _ => None,
        }
    }

    fn bind(&mut self, param: &Type, to: Type) {
        if let Type::Param(id) = param
            && let Some(slot) = self.bound.get_mut(*id as usize)
        {
            self.trail.push((*id, slot.replace(to)));
        }
    }

    /// Whether `from` is assignable to `to`.
    pub(super) fn assignable(&mut self, from: &Type, to: &Type) -> bool {
        self.transaction(|this| this.fits(from, to))
    }

    /// Whether all types are assignable to the others, pairwise.
    pub(super) fn assignable_all(&mut self, from: &[Type], to: &[Type]) -> bool {
        from.len() == to.len()
            && self.transaction(|this| from.iter().zip(to).all(|(a, b)| this.fits(a, b)))
    }

    fn transaction(&mut self, fits: impl FnOnce(&mut Self) -> bool) -> bool {
        self.trail.clear();
        if fits(self) {
            return true;
        }
        while let Some((id, before)) = self.trail.pop() {
            self.bound[id as usize] = before;
        }
        false
    }

    fn fits(&mut self, a: &Type, b: &Type) -> bool {
        if !self.step() {
            return false;
        }
        if matches!(b, Type::Param(_)) {
            let (valid, bound) = self.substitutes(a, b);
            if valid || bound {
                return valid;
            }
        }
        if matches!(a, Type::Param(_)) {
            return self.substitutes(b, a).0;
        }
        if a.is_dyn_or_error() || b.is_dyn_or_error() {
            return true;
        }
        match (a, b) {
            (Type::Null, other) | (other, Type::Null) => nullable(other),
            (Type::List(a), Type::List(b)) | (Type::Optional(a), Type::Optional(b)) => {
                self.fits(a, b)
            }
            (Type::Map(a), Type::Map(b)) => self.fits(&a.0, &b.0) && self.fits(&a.1, &b.1),
            (Type::Type(_), Type::Type(_)) => true,
            (Type::Object(a), Type::Object(b)) => a.name == b.name,
            (Type::Opaque(a), Type::Opaque(b)) => a == b,
            _ => std::mem::discriminant(a) == std::mem::discriminant(b) && is_plain(a),
        }
    }

    /// Whether `param` may be bound to `of`, and whether it is bound already.
    fn substitutes(&mut self, of: &Type, param: &Type) -> (bool, bool) {
        if of == param {
            return (true, true);
        }
        if let Some(current) = self.find(param).cloned() {
            if same_param(of, &current) {
                return (true, true);
            }
            if self.fits(of, &current) {
                let general = most_general(of, &current);
                if !self.mentions(&general, param) {
                    self.bind(param, general);
                }
                return (true, true);
            }
            return (false, true);
        }
        if self.mentions(of, param) {
            return (false, false);
        }
        self.bind(param, of.clone());
        (true, false)
    }

    /// Whether a type contains a parameter.
    fn mentions(&mut self, of: &Type, param: &Type) -> bool {
        if !self.step() {
            return true;
        }
        match of {
            Type::Param(_) => {
                of == param
                    || match self.find(of).cloned() {
                        Some(bound) => self.mentions(&bound, param),
                        None => false,
                    }
            }
            Type::List(of) | Type::Optional(of) | Type::Type(Some(of)) => self.mentions(of, param),
            Type::Map(entry) => self.mentions(&entry.0, param) || self.mentions(&entry.1, param),
            _ => false,
        }
    }

    /// Substitutes the parameters of a type; unbound ones become dynamic if `to_dyn`.
    pub(super) fn substitute(&mut self, of: &Type, to_dyn: bool) -> Type {
        if !self.step() {
            return Type::Error;
        }
        match of {
            Type::Param(_) => match self.find(of).cloned() {
                Some(bound) => self.substitute(&bound, to_dyn),
                None if to_dyn => Type::Dyn,
                None => of.clone(),
            },
            Type::List(element) => Type::list(self.substitute(element, to_dyn)),
            Type::Optional(of) => Type::optional(self.substitute(of, to_dyn)),
            Type::Map(entry) => {
                let key = self.substitute(&entry.0, to_dyn);
                Type::map(key, self.substitute(&entry.1, to_dyn))
            }
            Type::Type(Some(of)) => Type::Type(Some(Arc::new(self.substitute(of, to_dyn)))),
            other => other.clone(),
        }
    }
}

/// Instantiates a type of a signature, with parameters numbered from `first`.
pub(super) fn instantiate(of: &Type, first: u32) -> Type {
    match of {
        Type::Param(id) => Type::Param(first + id),
        Type::List(of) => Type::list(instantiate(of, first)),
        Type::Optional(of) => Type::optional(instantiate(of, first)),
        Type::Map(entry) => Type::map(instantiate(&entry.0, first), instantiate(&entry.1, first)),
        Type::Type(Some(of)) => Type::Type(Some(Arc::new(instantiate(of, first)))),
        other => other.clone(),
    }
}

const fn nullable(of: &Type) -> bool {
    matches!(
        of,
        Type::Null
            | Type::Opaque(_)
            | Type::Optional(_)
            | Type::Object(_)
            | Type::Duration
            | Type::Timestamp
    )
}

const fn is_plain(of: &Type) -> bool {
    matches!(
        of,
        Type::Bool
            | Type::Int
            | Type::Uint
            | Type::Double
            | Type::String
            | Type::Bytes
            | Type::Timestamp
            | Type::Duration
    )
}

const fn same_param(a: &Type, b: &Type) -> bool {
    matches!((a, b), (Type::Param(a), Type::Param(b)) if *a == *b)
}

/// The less specific type.
pub(super) fn most_general(a: &Type, b: &Type) -> Type {
    if is_equal_or_less_specific(a, b) {
        a.clone()
    } else {
        b.clone()
    }
}

fn is_equal_or_less_specific(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::Dyn | Type::Param(_), _) => true,
        (_, Type::Dyn | Type::Param(_)) => false,
        (Type::List(a), Type::List(b)) | (Type::Optional(a), Type::Optional(b)) => {
            is_equal_or_less_specific(a, b)
        }
        (Type::Map(a), Type::Map(b)) => {
            is_equal_or_less_specific(&a.0, &b.0) && is_equal_or_less_specific(&a.1, &b.1)
        }
        (Type::Type(_), Type::Type(_)) => true,
        (Type::Object(a), Type::Object(b)) => a.name == b.name,
        _ => std::mem::discriminant(a) == std::mem::discriminant(b) && a == b,
    }
}
