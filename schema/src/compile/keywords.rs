//! Compiles the keywords of one schema to flags and checks.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, ValidationRule,
};

use super::{CompileError, Compiler};
use crate::arena::{Check, Flags, Real, Rule, Span};
use crate::format::Format;

fn is(flag: Option<bool>) -> bool {
    flag.unwrap_or_default()
}

/// The type, and boolean keywords.
pub(super) fn flags(props: &JSONSchemaProps) -> Result<Flags, CompileError> {
    let mut flags = Flags::default();
    let kind = match props.type_.as_deref().unwrap_or_default() {
        "" => Flags::default(),
        "object" => Flags::OBJECT,
        "array" => Flags::ARRAY,
        "string" => Flags::STRING,
        "integer" => Flags::INTEGER,
        "number" => Flags::NUMBER,
        "boolean" => Flags::BOOLEAN,
        unknown => return Err(CompileError::UnknownType(unknown.to_owned())),
    };
    let list = props.x_kubernetes_list_type.as_deref();
    let rules = props.x_kubernetes_validations.as_ref();
    for (flag, on) in [
        (kind, true),
        (Flags::NULLABLE, is(props.nullable)),
        (Flags::INT_OR_STRING, is(props.x_kubernetes_int_or_string)),
        (
            Flags::PRESERVE,
            is(props.x_kubernetes_preserve_unknown_fields),
        ),
        (Flags::EMBEDDED, is(props.x_kubernetes_embedded_resource)),
        (Flags::EMBEDS, is(props.x_kubernetes_embedded_resource)),
        (Flags::LIST_ATOMIC, list == Some("atomic")),
        (Flags::LIST_SET, list == Some("set")),
        (Flags::LIST_MAP, list == Some("map")),
        (Flags::UNIQUE, matches!(list, Some("set" | "map"))),
        (Flags::RULES, rules.is_some_and(|rules| !rules.is_empty())),
        (
            Flags::MAP_ATOMIC,
            props.x_kubernetes_map_type.as_deref() == Some("atomic"),
        ),
    ] {
        flags.set(flag, on);
    }
    Ok(flags)
}

impl Compiler<'_> {
    /// The checks, in the order in which they run.
    pub(super) fn checks(
        &mut self,
        props: &JSONSchemaProps,
        depth: usize,
    ) -> Result<Span, CompileError> {
        let mut checks = Vec::new();
        self.junctors(props, depth, &mut checks)?;
        self.of_strings(props, &mut checks)?;
        of_numbers(props, &mut checks);
        checks.extend(props.min_items.map(Check::MinItems));
        checks.extend(props.max_items.map(Check::MaxItems));
        if let Some(choices) = props.enum_.as_ref().filter(|e| !e.is_empty()) {
            let choices = choices.iter().map(|c| c.0.clone()).collect();
            checks.push(Check::Enum(self.builder.choices(choices)?));
        }
        checks.extend(props.min_properties.map(Check::MinProperties));
        checks.extend(props.max_properties.map(Check::MaxProperties));
        for (names, check) in [
            (&props.required, Check::Required as fn(Span) -> Check),
            (&props.x_kubernetes_list_map_keys, Check::ListKeys),
        ] {
            if let Some(names) = names.as_ref().filter(|n| !n.is_empty()) {
                checks.push(check(self.builder.names(names)?));
            }
        }
        if let Some(rules) = props
            .x_kubernetes_validations
            .as_ref()
            .filter(|r| !r.is_empty())
        {
            let rules = rules.iter().map(rule).collect();
            checks.push(Check::Rules(self.builder.rules(rules)?));
        }
        self.builder.checks(checks)
    }

    fn junctors(
        &mut self,
        props: &JSONSchemaProps,
        depth: usize,
        checks: &mut Vec<Check>,
    ) -> Result<(), CompileError> {
        for (branches, check) in [
            (&props.any_of, Check::AnyOf as fn(Span) -> Check),
            (&props.one_of, Check::OneOf),
            (&props.all_of, Check::AllOf),
        ] {
            let Some(branches) = branches.as_ref().filter(|b| !b.is_empty()) else {
                continue;
            };
            let nodes: Result<Vec<_>, _> =
                branches.iter().map(|b| self.node(b, depth + 1)).collect();
            checks.push(check(self.builder.branches(nodes?)?));
        }
        if let Some(not) = &props.not {
            checks.push(Check::Not(self.node(not, depth + 1)?));
        }
        Ok(())
    }

    fn of_strings(
        &mut self,
        props: &JSONSchemaProps,
        checks: &mut Vec<Check>,
    ) -> Result<(), CompileError> {
        checks.extend(props.max_length.map(Check::MaxLength));
        checks.extend(props.min_length.map(Check::MinLength));
        if let Some(pattern) = props.pattern.as_deref().filter(|p| !p.is_empty()) {
            checks.push(Check::Pattern(self.builder.pattern(pattern)?));
        }
        // formats of other types than strings are not checked
        let of_string = matches!(props.type_.as_deref().unwrap_or_default(), "" | "string");
        let name = props.format.as_deref().filter(|_| of_string);
        if let Some((name, format)) = name.and_then(|n| Some((n, Format::parse(n)?))) {
            checks.push(Check::Format(format, self.builder.name(name)?));
        }
        Ok(())
    }
}

fn of_numbers(props: &JSONSchemaProps, checks: &mut Vec<Check>) {
    let bound =
        |value: Option<f64>, exclusive, inclusive: fn(Real) -> Check, strict: fn(Real) -> Check| {
            value.map(|v| if is(exclusive) { strict } else { inclusive }(Real::new(v)))
        };
    checks.extend(props.multiple_of.map(|v| Check::MultipleOf(Real::new(v))));
    checks.extend(bound(
        props.minimum,
        props.exclusive_minimum,
        Check::Minimum,
        Check::ExclusiveMinimum,
    ));
    checks.extend(bound(
        props.maximum,
        props.exclusive_maximum,
        Check::Maximum,
        Check::ExclusiveMaximum,
    ));
}

fn rule(rule: &ValidationRule) -> Rule {
    let text = |text: &Option<String>| text.as_deref().unwrap_or_default().into();
    Rule {
        rule: rule.rule.as_str().into(),
        message: text(&rule.message),
        message_expression: text(&rule.message_expression),
        reason: text(&rule.reason),
        field_path: text(&rule.field_path),
        optional_old_self: rule.optional_old_self,
    }
}
