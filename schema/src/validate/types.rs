//! Checks of types, with Go's names.

use portcullis_api::field_error::{BadValue, go_quote};
use portcullis_api::{FieldError, Path};
use serde_json::Value;

use super::outcome::Outcome;
use super::{Kind, Walk};
use crate::arena::{Check, Flags, NodeRef};
use crate::location::Location;

/// The largest integer up to which a float represents all integers exactly.
const INTEGER_MAX: f64 = 9_007_199_254_740_991.0;

/// The type of a value; `None` if it is null.
pub(super) fn kind(value: &Value) -> Option<Kind> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(_) => Kind::Boolean,
        Value::Number(number) if number.as_i64().is_some() => Kind::Integer,
        Value::Number(_) => Kind::Number,
        Value::String(_) => Kind::String,
        Value::Array(_) => Kind::Array,
        Value::Object(_) => Kind::Object,
    })
}

impl Kind {
    const fn flag(self) -> Flags {
        match self {
            Self::Boolean => Flags::BOOLEAN,
            Self::Integer => Flags::INTEGER,
            Self::Number => Flags::NUMBER,
            Self::String => Flags::STRING,
            Self::Array => Flags::ARRAY,
            Self::Object => Flags::OBJECT,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }

    /// The format that go-openapi assigns to a Go value.
    const fn format(self) -> &'static str {
        match self {
            Self::Integer => "int64",
            Self::Number => "float64",
            Self::Boolean | Self::String | Self::Array | Self::Object => "",
        }
    }
}

/// The types that a node accepts; empty if it accepts all.
#[derive(Clone, Copy)]
struct Types {
    flags: Flags,
    int_or_string: bool,
}

impl Types {
    fn names(self) -> &'static str {
        if self.int_or_string {
            return "integer,string";
        }
        [
            Kind::Boolean,
            Kind::Integer,
            Kind::Number,
            Kind::String,
            Kind::Array,
            Kind::Object,
        ]
        .into_iter()
        .find(|kind| self.flags.has(kind.flag()))
        .map_or("", Kind::name)
    }

    fn has(self, kind: Kind) -> bool {
        if self.int_or_string {
            return matches!(kind, Kind::Integer | Kind::String);
        }
        self.flags.has(kind.flag())
    }

    fn is_empty(self) -> bool {
        self.names().is_empty()
    }
}

impl Walk<'_> {
    fn types(&self, node: NodeRef<'_>) -> Types {
        Types {
            flags: node.flags(),
            int_or_string: node.has(Flags::INT_OR_STRING) && !self.untyped_int_or_string,
        }
    }

    /// Null is allowed if the node has no type, or is nullable.
    pub(super) fn null(&self, node: NodeRef<'_>, location: &Location<'_>, out: &mut Outcome) {
        let types = self.types(node);
        if types.is_empty() || node.is_nullable() {
            out.matched(1);
        } else {
            self.wrong_type(location, types.names(), "null", out);
        }
        self.choices(node, &Value::Null, location, out);
    }

    pub(super) fn check_type(
        &self,
        node: NodeRef<'_>,
        value: &Value,
        kind: Kind,
        location: &Location<'_>,
        out: &mut Outcome,
    ) {
        let types = self.types(node);
        let format = format_of(node);
        if types.is_empty() && format.is_none() {
            return;
        }
        // counted whether the check passes or not
        out.matched(1);
        let numeric = types.has(Kind::Integer) || types.has(Kind::Number);
        let fits = types.has(kind)
            || kind == Kind::Number && types.has(Kind::Integer) && is_whole(value)
            || kind == Kind::Integer && types.has(Kind::Number);
        let is_text = matches!(kind, Kind::String | Kind::Array);
        match format {
            Some(format) if !is_text && !fits => {
                self.wrong_type(location, format, kind.format(), out)
            }
            // as in go-openapi, the format of strings is checked elsewhere, and lists are not
            // checked
            Some(_) if is_text && !numeric => out.matched(1),
            _ if !fits => self.wrong_type(location, types.names(), kind.name(), out),
            _ => out.matched(1),
        }
    }

    fn wrong_type(&self, location: &Location<'_>, wanted: &str, found: &str, out: &mut Outcome) {
        let text = format!("must be of type {wanted}: {}", go_quote(found));
        self.invalid_of(location, found, &text, true, out);
    }

    pub(super) fn invalid(
        &self,
        location: &Location<'_>,
        value: impl Into<BadValue>,
        text: &str,
        out: &mut Outcome,
    ) {
        self.invalid_of(location, value, text, false, out);
    }

    pub(super) fn invalid_of(
        &self,
        location: &Location<'_>,
        value: impl Into<BadValue>,
        text: &str,
        blocks_rules: bool,
        out: &mut Outcome,
    ) {
        out.fail(blocks_rules, || {
            let detail = format!("{} in body {text}", location.dotted());
            FieldError::invalid(&self.path(location), value, detail)
        });
    }

    pub(super) fn too_many(
        &self,
        location: &Location<'_>,
        size: usize,
        max: i64,
        out: &mut Outcome,
    ) {
        let max = usize::try_from(max).unwrap_or_default();
        out.fail(true, || {
            FieldError::too_many(&self.path(location), size, max)
        });
    }

    pub(super) fn forbidden_property(
        &self,
        location: &Location<'_>,
        name: &str,
        out: &mut Outcome,
    ) {
        out.fail(false, || {
            let detail = format!(
                "{}.{name} in body is a forbidden property",
                location.dotted()
            );
            FieldError::invalid(&self.path(location), name, detail)
        });
    }

    pub(super) fn path(&self, location: &Location<'_>) -> Path {
        let below = location.plain();
        match self.base {
            Some(base) if below.is_empty() => base.clone(),
            Some(base) => base.child(&below),
            None if below.is_empty() => Path::new("<nil>"),
            None => Path::new(&below),
        }
    }
}

/// The format as spelled in the definition.
fn format_of<'s>(node: NodeRef<'s>) -> Option<&'s str> {
    node.checks().iter().find_map(|check| match check {
        Check::Format(_, name) => Some(node.schema.text(*name)),
        _ => None,
    })
}

/// Whether a float is an integer, with a relative tolerance of one billionth.
#[allow(
    clippy::float_cmp,
    reason = "checks whether it equals its integer part exactly"
)]
pub(super) fn is_whole_float(value: f64) -> bool {
    if !value.is_finite() || value.abs() > INTEGER_MAX {
        return false;
    }
    let whole = value.trunc();
    whole == value || (value - whole).abs() / (value.abs() + whole.abs()) < 1e-9
}

fn is_whole(value: &Value) -> bool {
    value.as_f64().is_some_and(is_whole_float)
}
