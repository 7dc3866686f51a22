//! Types of list, map and object literals.

use crate::ast::{Element, Entry, Expr, Struct};
use crate::check::Checker;
use crate::check::unify::most_general;
use crate::checked::Resolved;
use crate::types::Type;

impl Checker<'_> {
    pub(super) fn list(&mut self, elements: &[Element]) -> Type {
        let mut of = None;
        for element in elements {
            self.check(&element.value);
            let found = self.value_type(&element.value, element.optional);
            of = Some(self.join(&element.value, of, found));
        }
        let of = of.unwrap_or_else(|| self.unifier.fresh_type());
        let of = self.unifier.substitute(&of, false);
        Type::list(of)
    }

    pub(super) fn map(&mut self, entries: &[Entry]) -> Type {
        let (mut keys, mut values) = (None, None);
        for entry in entries {
            self.check(&entry.key);
            let key = self.type_of(&entry.key).clone();
            keys = Some(self.join(&entry.key, keys, key));
            self.check(&entry.value);
            let value = self.value_type(&entry.value, entry.optional);
            values = Some(self.join(&entry.value, values, value));
        }
        let keys = keys.unwrap_or_else(|| self.unifier.fresh_type());
        let values = values.unwrap_or_else(|| self.unifier.fresh_type());
        // substituted again, to detect types that double with every level
        self.unifier.substitute(&Type::map(keys, values), false)
    }

    /// The type of a value, or of the value of an optional one.
    fn value_type(&mut self, value: &Expr, optional: bool) -> Type {
        let found = self.type_of(value).clone();
        if !optional {
            return found;
        }
        match found {
            Type::Optional(of) => (*of).clone(),
            other => {
                if !matches!(other, Type::Dyn) {
                    self.mismatch(value.offset, &Type::optional(other.clone()), &other);
                }
                other
            }
        }
    }

    /// The common type of all values so far and another one.
    fn join(&mut self, value: &Expr, before: Option<Type>, found: Type) -> Type {
        let Some(before) = before else { return found };
        if self.unifier.assignable(&before, &found) {
            return most_general(&before, &found);
        }
        if self.formats > 0 {
            return Type::Dyn;
        }
        self.mismatch(value.offset, &before, &found);
        Type::Error
    }

    pub(super) fn make(&mut self, expr: &Expr, make: &Struct) -> Type {
        let Some(object) = self.scope.object(&make.name) else {
            self.undeclared(expr.offset, &make.name);
            return Type::Error;
        };
        self.resolve(expr, Resolved::Object(object.clone()));
        for field in &make.fields {
            self.check(&field.value);
            let asked = match object.field(&field.name) {
                Some(declared) => Type::from(&declared.decl),
                None if object.open => Type::Dyn,
                None => {
                    self.report(field.offset, format!("undefined field '{}'", field.name));
                    continue;
                }
            };
            let given = self.value_type(&field.value, field.optional);
            if !self.unifier.assignable(&asked, &given) {
                let given = self.unifier.substitute(&given, false);
                self.report(
                    field.offset,
                    format!(
                        "expected type of field '{}' is '{asked}' but provided type is '{given}'",
                        field.name
                    ),
                );
            }
        }
        Type::Object(object)
    }
}
