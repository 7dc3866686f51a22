//! Objects against a schema, with the texts of go-openapi as Kubernetes maps them to field errors
//! (`k8s.io/kube-openapi/pkg/validation/validate`, `…/apiextensions-apiserver/pkg/apiserver/validation`).
//!
//! One walk does it all. With an old value beside the new, errors where the two are equal are
//! dropped, as far as old and new values can be correlated: by name in objects and maps, by key in
//! lists of type `map`, by place in lists of no type (`k8s.io/apiserver/pkg/cel/common`).

mod junctors;
mod old;
mod outcome;
mod scalars;
mod types;

use std::cell::Cell;

use portcullis_api::{ErrorList, FieldError, Path};
use serde_json::{Map, Value};

use self::old::Old;
use self::outcome::Outcome;
use crate::arena::{Check, Flags, NodeRef, Schema};
use crate::place::Place;

/// How many nodes a validation may visit: branches inside branches on many items cost their product.
const VISITS_MAX: u64 = 2_000_000;

/// What a validation found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// The errors, each text once.
    pub errors: ErrorList,
    /// Whether an error is of a kind that keeps CEL rules from being run: something is missing, of
    /// the wrong type, too long, too many, or none of those supported.
    pub blocks_rules: bool,
}

/// How a value is validated.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// The path of the value; none if it is an object of its own.
    pub base: Option<&'a Path>,
    /// The value before the update.
    pub old: Option<&'a Value>,
    /// Whether `x-kubernetes-int-or-string` says nothing of the type, as it does not of defaults.
    pub untyped_int_or_string: bool,
}

impl Schema {
    /// Validates a new object.
    pub fn validate(&self, object: &Value) -> Findings {
        self.root().validate(object, Options::default())
    }

    /// Validates an object that takes the place of another.
    pub fn validate_update(&self, new: &Value, old: &Value) -> Findings {
        let options = Options {
            old: Some(old),
            ..Options::default()
        };
        self.root().validate(new, options)
    }
}

impl NodeRef<'_> {
    /// Validates a value against the node.
    pub fn validate(self, value: &Value, options: Options<'_>) -> Findings {
        let walk = Walk {
            visits: Cell::new(0),
            base: options.base,
            untyped_int_or_string: options.untyped_int_or_string,
        };
        let mut outcome = Outcome::default();
        walk.child(
            self,
            value,
            &Place::ROOT,
            options.old.map(Old::new),
            &mut outcome,
        );
        let mut findings = outcome.finish();
        if walk.visits.get() >= VISITS_MAX {
            let path = Path::new(options.base.map_or("<nil>", Path::as_str));
            let detail = "validation against the schema takes too long";
            findings.errors.push(FieldError::internal(&path, detail));
            findings.blocks_rules = true;
        }
        findings
    }
}

/// What a value is, as Go's decoder has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

struct Walk<'w> {
    visits: Cell<u64>,
    base: Option<&'w Path>,
    untyped_int_or_string: bool,
}

impl Walk<'_> {
    fn may_go_on(&self) -> bool {
        let visits = self.visits.get() + 1;
        self.visits.set(visits);
        visits < VISITS_MAX
    }

    /// Validates a value that may be as it was.
    fn child(
        &self,
        node: NodeRef<'_>,
        value: &Value,
        place: &Place<'_>,
        old: Option<Old<'_>>,
        out: &mut Outcome,
    ) {
        let before = out.mark();
        self.value(node, value, place, old, out);
        if out.failed_since(before) && old.is_some_and(|old| old.equals(value)) {
            out.forget_since(before);
        }
    }

    fn value(
        &self,
        node: NodeRef<'_>,
        value: &Value,
        place: &Place<'_>,
        old: Option<Old<'_>>,
        out: &mut Outcome,
    ) {
        if !self.may_go_on() {
            return;
        }
        let Some(kind) = types::kind(value) else {
            self.null(node, place, out);
            return;
        };
        self.check_type(node, value, kind, place, out);
        self.junctors(node, value, place, old, out);
        match value {
            Value::String(text) => self.string(node, text, place, out),
            Value::Number(number) => self.number(node, number, place, out),
            Value::Array(items) => self.array(node, items, place, old, out),
            Value::Null | Value::Bool(_) | Value::Object(_) => {}
        }
        self.choices(node, value, place, out);
        if let Value::Object(fields) = value {
            self.object(node, fields, place, old, out);
        }
        // the choices and the value itself
        out.matched(2);
    }

    fn array(
        &self,
        node: NodeRef<'_>,
        items: &[Value],
        place: &Place<'_>,
        old: Option<Old<'_>>,
        out: &mut Outcome,
    ) {
        if let Some(item) = node.items() {
            let old_items = old.and_then(|old| old.items(node));
            for (i, value) in items.iter().enumerate() {
                let old = old_items.as_ref().and_then(|old| old.item(i, value));
                self.child(item, value, &place.index(i), old, out);
            }
        }
        let size = items.len();
        for check in node.checks() {
            match *check {
                Check::MinItems(min) if below(size, min) => {
                    let text = format!("should have at least {min} items");
                    self.invalid(place, size, &text, out);
                }
                Check::MaxItems(max) if above(size, max) => self.too_many(place, size, max, out),
                _ => {}
            }
        }
        out.matched(2);
    }

    fn object(
        &self,
        node: NodeRef<'_>,
        fields: &Map<String, Value>,
        place: &Place<'_>,
        old: Option<Old<'_>>,
        out: &mut Outcome,
    ) {
        self.check_size(node, fields.len(), place, out);
        let old_of = |name: &str| {
            // old and new object are converted to one type, so these never seem to change
            let is_type = place.is_root() && matches!(name, "kind" | "apiVersion");
            old.filter(|_| !is_type).and_then(|old| old.field(name))
        };
        if node.has(Flags::CLOSED) {
            for name in fields.keys().filter(|name| node.property(name).is_none()) {
                self.forbidden_property(place, name, out);
            }
        } else if let Some(entry) = node.values() {
            for (name, value) in fields {
                if node.property(name).is_none() {
                    self.child(entry, value, &place.key(name), old_of(name), out);
                }
            }
        }
        for (name, property) in node.properties() {
            if let Some(value) = fields.get(name) {
                self.child(property, value, &place.field(name), old_of(name), out);
            }
        }
        self.required(node, fields, place, out);
        out.matched(1);
    }

    fn check_size(&self, node: NodeRef<'_>, size: usize, place: &Place<'_>, out: &mut Outcome) {
        for check in node.checks() {
            match *check {
                Check::MinProperties(min) if below(size, min) => {
                    let text = format!("should have at least {min} properties");
                    self.invalid(place, size, &text, out);
                }
                Check::MaxProperties(max) if above(size, max) => {
                    self.too_many(place, size, max, out)
                }
                _ => {}
            }
        }
    }

    fn required(
        &self,
        node: NodeRef<'_>,
        fields: &Map<String, Value>,
        place: &Place<'_>,
        out: &mut Outcome,
    ) {
        for check in node.checks() {
            let Check::Required(names) = check else {
                continue;
            };
            for name in node
                .names(*names)
                .filter(|name| !fields.contains_key(*name))
            {
                out.fail(true, || {
                    FieldError::required(&self.path(&place.field(name)), "")
                });
            }
        }
    }
}

fn below(size: usize, min: i64) -> bool {
    i64::try_from(size).is_ok_and(|size| size < min)
}

fn above(size: usize, max: i64) -> bool {
    i64::try_from(size).is_ok_and(|size| size > max)
}

#[cfg(test)]
mod tests;
