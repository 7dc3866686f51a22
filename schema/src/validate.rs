//! Validates objects against a schema, with the messages of go-openapi as Kubernetes maps them to
//! field errors (`k8s.io/kube-openapi/pkg/validation/validate`,
//! `…/apiextensions-apiserver/pkg/apiserver/validation`).
//!
//! All checks are made in one walk. In an update, errors of values that did not change are dropped,
//! where it is known which old value a new one replaces
//! (`k8s.io/apiextensions-apiserver/pkg/apiserver/validation/ratcheting.go`).

mod junctors;
mod outcome;
mod scalars;
mod types;

use std::cell::Cell;

use portcullis_api::{ErrorList, FieldError, Path};
use serde_json::{Map, Value};

use self::outcome::Outcome;
use crate::arena::{Check, Flags, NodeRef, Schema};
use crate::correlate::Old;
use crate::location::Location;

/// The number of nodes that a validation may visit, because the cost of nested branches multiplies.
const VISITS_MAX: u64 = 2_000_000;

/// The result of a validation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// The errors, deduplicated by message.
    pub errors: ErrorList,
    /// Whether an error prevents CEL rules from being evaluated: a value is missing, not supported,
    /// too long, of the wrong type, or there are too many.
    pub blocks_rules: bool,
}

/// How a value is validated.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// The path of the value; `None` for the root of an object.
    pub base: Option<&'a Path>,
    /// The value before the update.
    pub old: Option<&'a Value>,
    /// Whether `x-kubernetes-int-or-string` does not check the type, as in defaults.
    pub untyped_int_or_string: bool,
}

impl Schema {
    /// Validates a new object.
    pub fn validate(&self, object: &Value) -> Findings {
        self.root().validate(object, Options::default())
    }

    /// Validates an update of an object.
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
            &Location::ROOT,
            options.old.map(|old| Old::new(self, old)),
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

/// The type of a value, as Go's decoder distinguishes them.
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
    fn may_continue(&self) -> bool {
        let visits = self.visits.get() + 1;
        self.visits.set(visits);
        visits < VISITS_MAX
    }

    /// Validates a value, and drops its errors if it did not change.
    fn child(
        &self,
        node: NodeRef<'_>,
        value: &Value,
        location: &Location<'_>,
        old: Option<Old<'_>>,
        out: &mut Outcome,
    ) {
        let before = out.mark();
        self.value(node, value, location, old, out);
        if out.failed_since(before) && old.is_some_and(|old| old.equals(value)) {
            out.forget_since(before);
        }
    }

    fn value(
        &self,
        node: NodeRef<'_>,
        value: &Value,
        location: &Location<'_>,
        old: Option<Old<'_>>,
        out: &mut Outcome,
    ) {
        if !self.may_continue() {
            return;
        }
        let Some(kind) = types::kind(value) else {
            self.null(node, location, out);
            return;
        };
        self.check_type(node, value, kind, location, out);
        self.junctors(node, value, location, old, out);
        match value {
            Value::String(text) => self.string(node, text, location, out),
            Value::Number(number) => self.number(node, number, location, out),
            Value::Array(items) => self.array(node, items, location, old, out),
            Value::Null | Value::Bool(_) | Value::Object(_) => {}
        }
        self.choices(node, value, location, out);
        if let Value::Object(fields) = value {
            self.object(node, fields, location, old, out);
        }
        // the choices and the value itself
        out.matched(2);
    }

    fn array(
        &self,
        node: NodeRef<'_>,
        items: &[Value],
        location: &Location<'_>,
        old: Option<Old<'_>>,
        out: &mut Outcome,
    ) {
        if let Some(item) = node.items() {
            let old_items = old.map(Old::items);
            for (i, value) in items.iter().enumerate() {
                let old = old_items.as_ref().and_then(|old| old.item(value));
                self.child(item, value, &location.index(i), old, out);
            }
        }
        let size = items.len();
        for check in node.checks() {
            match *check {
                Check::MinItems(min) if below(size, min) => {
                    let text = format!("should have at least {min} items");
                    self.invalid(location, size, &text, out);
                }
                Check::MaxItems(max) if above(size, max) => self.too_many(location, size, max, out),
                _ => {}
            }
        }
        out.matched(2);
    }

    fn object(
        &self,
        node: NodeRef<'_>,
        fields: &Map<String, Value>,
        location: &Location<'_>,
        old: Option<Old<'_>>,
        out: &mut Outcome,
    ) {
        self.check_size(node, fields.len(), location, out);
        let old_of = |name: &str| {
            // both objects are converted to the same version, so these never change
            let is_type = location.is_root() && matches!(name, "kind" | "apiVersion");
            old.filter(|_| !is_type).and_then(|old| old.field(name))
        };
        if node.has(Flags::CLOSED) {
            for name in fields.keys().filter(|name| node.property(name).is_none()) {
                self.forbidden_property(location, name, out);
            }
        } else if let Some(entry) = node.values() {
            for (name, value) in fields {
                if node.property(name).is_none() {
                    self.child(entry, value, &location.key(name), old_of(name), out);
                }
            }
        }
        for (name, property) in node.properties() {
            if let Some(value) = fields.get(name) {
                self.child(property, value, &location.field(name), old_of(name), out);
            }
        }
        self.required(node, fields, location, out);
        out.matched(1);
    }

    fn check_size(
        &self,
        node: NodeRef<'_>,
        size: usize,
        location: &Location<'_>,
        out: &mut Outcome,
    ) {
        for check in node.checks() {
            match *check {
                Check::MinProperties(min) if below(size, min) => {
                    let text = format!("should have at least {min} properties");
                    self.invalid(location, size, &text, out);
                }
                Check::MaxProperties(max) if above(size, max) => {
                    self.too_many(location, size, max, out)
                }
                _ => {}
            }
        }
    }

    fn required(
        &self,
        node: NodeRef<'_>,
        fields: &Map<String, Value>,
        location: &Location<'_>,
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
                    FieldError::required(&self.path(&location.field(name)), "")
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
