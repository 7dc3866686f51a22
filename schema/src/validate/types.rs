//! Types, as JSON has them and as Go names them.

use portcullis_api::field_error::{BadValue, go_quote};
use portcullis_api::{FieldError, Path};
use serde_json::Value;

use super::outcome::Outcome;
use super::{Kind, Walk};
use crate::arena::{Check, Flags, NodeRef};
use crate::place::Place;

/// The largest integer that a float holds with all those below it.
const INTEGER_MAX: f64 = 9_007_199_254_740_991.0;

/// What a value is; `None` if it is null.
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

    /// The format that go-openapi sees in a value of Go's.
    const fn format(self) -> &'static str {
        match self {
            Self::Integer => "int64",
            Self::Number => "float64",
            Self::Boolean | Self::String | Self::Array | Self::Object => "",
        }
    }
}

/// The types that a node takes; none if it takes all.
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

    /// Null is allowed where there is no type, or where the node says so.
    pub(super) fn null(&self, node: NodeRef<'_>, place: &Place<'_>, out: &mut Outcome) {
        let types = self.types(node);
        if types.is_empty() || node.is_nullable() {
            out.matched(1);
        } else {
            self.wrong_type(place, types.names(), "null", out);
        }
        self.choices(node, &Value::Null, place, out);
    }

    pub(super) fn check_type(
        &self,
        node: NodeRef<'_>,
        value: &Value,
        kind: Kind,
        place: &Place<'_>,
        out: &mut Outcome,
    ) {
        let types = self.types(node);
        let format = format_of(node);
        if types.is_empty() && format.is_none() {
            return;
        }
        // whether the check passes or not
        out.matched(1);
        let numeric = types.has(Kind::Integer) || types.has(Kind::Number);
        let fits = types.has(kind)
            || kind == Kind::Number && types.has(Kind::Integer) && is_whole(value)
            || kind == Kind::Integer && types.has(Kind::Number);
        let is_text = matches!(kind, Kind::String | Kind::Array);
        match format {
            Some(format) if !is_text && !fits => self.wrong_type(place, format, kind.format(), out),
            // as go-openapi: the format check takes over for strings, and lists are not checked
            Some(_) if is_text && !numeric => out.matched(1),
            _ if !fits => self.wrong_type(place, types.names(), kind.name(), out),
            _ => out.matched(1),
        }
    }

    fn wrong_type(&self, place: &Place<'_>, wanted: &str, found: &str, out: &mut Outcome) {
        let text = format!("must be of type {wanted}: {}", go_quote(found));
        self.invalid_of(place, found, &text, true, out);
    }

    pub(super) fn invalid(
        &self,
        place: &Place<'_>,
        value: impl Into<BadValue>,
        text: &str,
        out: &mut Outcome,
    ) {
        self.invalid_of(place, value, text, false, out);
    }

    pub(super) fn invalid_of(
        &self,
        place: &Place<'_>,
        value: impl Into<BadValue>,
        text: &str,
        blocks_rules: bool,
        out: &mut Outcome,
    ) {
        out.fail(blocks_rules, || {
            let detail = format!("{} in body {text}", place.dotted());
            FieldError::invalid(&self.path(place), value, detail)
        });
    }

    pub(super) fn too_many(&self, place: &Place<'_>, size: usize, max: i64, out: &mut Outcome) {
        let max = usize::try_from(max).unwrap_or_default();
        out.fail(true, || FieldError::too_many(&self.path(place), size, max));
    }

    pub(super) fn forbidden_property(&self, place: &Place<'_>, name: &str, out: &mut Outcome) {
        out.fail(false, || {
            let detail = format!("{}.{name} in body is a forbidden property", place.dotted());
            FieldError::invalid(&self.path(place), name, detail)
        });
    }

    pub(super) fn path(&self, place: &Place<'_>) -> Path {
        let below = place.plain();
        match self.base {
            Some(base) if below.is_empty() => base.clone(),
            Some(base) => base.child(&below),
            None if below.is_empty() => Path::new("<nil>"),
            None => Path::new(&below),
        }
    }
}

/// The format as the definition spells it.
fn format_of<'s>(node: NodeRef<'s>) -> Option<&'s str> {
    node.checks().iter().find_map(|check| match check {
        Check::Format(_, name) => Some(node.schema.text(*name)),
        _ => None,
    })
}

/// Whether a float is an integer, within a billionth of itself.
#[allow(
    clippy::float_cmp,
    reason = "whether it is exactly its own integer part"
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
