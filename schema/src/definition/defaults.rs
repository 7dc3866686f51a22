//! Defaults must be valid, and must not have unknown fields
//! (`k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting/validation.go`).

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use portcullis_api::field_error::aggregate;
use portcullis_api::{ErrorList, FieldError, Path};
use serde_json::{Map, Value};

use super::{any, parts};
use crate::arena::{Flags, NodeRef, Schema};
use crate::embedded::{self, CheckMetadata, Malformed};
use crate::prune::META_FIELDS;
use crate::rules::{Budget, validate_default};
use crate::validate::Options;
use crate::value::bad_value;

/// How defaults are validated.
pub(super) struct Defaults<'a> {
    /// Whether they may not have fields that would be pruned.
    pub(super) pruned: bool,
    pub(super) check: CheckMetadata<'a>,
}

/// The object around a default.
#[derive(Clone, Copy)]
struct Around<'s> {
    /// The schema of that object, which is the root or an embedded resource.
    object: NodeRef<'s>,
    /// Whether the default is its metadata, or a part of that.
    in_metadata: bool,
}

/// A step from that object to the default.
#[derive(Clone)]
enum Step {
    Field(String),
    Item,
}

pub(super) fn validate(
    defaults: &Defaults<'_>,
    props: &JSONSchemaProps,
    root: NodeRef<'_>,
    path: &Path,
    errors: &mut ErrorList,
) {
    if !any(props, &|p| p.default.is_some()) {
        return;
    }
    let around = Around {
        object: root,
        in_metadata: false,
    };
    let budget = Budget::default();
    Walk {
        defaults,
        budget,
        errors,
    }
    .node(props, root, around, &mut Vec::new(), path, true);
}

/// Whether some default has fields that would be pruned.
pub(super) fn has_unpruned(props: &JSONSchemaProps) -> bool {
    let Ok(schema) = Schema::compile(props) else {
        return false;
    };
    unpruned(props, schema.root())
}

fn unpruned(props: &JSONSchemaProps, node: NodeRef<'_>) -> bool {
    let here = props
        .default
        .as_ref()
        .is_some_and(|d| is_unpruned(&d.0, node, false));
    let items = parts(props).items.zip(node.items());
    let properties = props.properties.iter().flatten();
    here || items.is_some_and(|(p, n)| unpruned(p, n))
        || properties
            .filter_map(|(name, p)| Some((p, node.property(name)?)))
            .any(|(p, n)| unpruned(p, n))
}

fn is_unpruned(default: &Value, node: NodeRef<'_>, is_root: bool) -> bool {
    let mut pruned = default.clone();
    node.prune(&mut pruned, is_root);
    pruned != *default
}

struct Walk<'w> {
    defaults: &'w Defaults<'w>,
    /// For the rules of all defaults.
    budget: Budget,
    errors: &'w mut ErrorList,
}

impl Walk<'_> {
    fn node<'s>(
        &mut self,
        props: &JSONSchemaProps,
        node: NodeRef<'s>,
        around: Around<'s>,
        steps: &mut Vec<Step>,
        path: &Path,
        is_root: bool,
    ) {
        let is_object = is_root || node.has(Flags::EMBEDDED);
        let mut fresh = Vec::new();
        let (around, steps) = if is_object {
            let around = Around {
                object: node,
                in_metadata: false,
            };
            (around, &mut fresh)
        } else {
            (around, steps)
        };
        if let Some(default) = props.default.as_ref().filter(|d| !d.0.is_null()) {
            let path = path.child("default");
            if around.in_metadata {
                self.of_metadata(&default.0, node, around, steps, &path);
            } else {
                self.value(&default.0, node, is_object, &path);
            }
        }
        // as upstream, defaults of additionalProperties are not checked
        if let Some((items, node)) = parts(props).items.zip(node.items()) {
            steps.push(Step::Item);
            self.node(items, node, around, steps, &path.child("items"), false);
            steps.pop();
        }
        for (name, property) in props.properties.iter().flatten() {
            let Some(node) = node.property(name) else {
                continue;
            };
            let around = Around {
                in_metadata: around.in_metadata
                    || is_object && META_FIELDS.contains(&name.as_str()),
                ..around
            };
            steps.push(Step::Field(name.clone()));
            self.node(
                property,
                node,
                around,
                steps,
                &path.child("properties").key(name),
                false,
            );
            steps.pop();
        }
    }

    fn value(&mut self, default: &Value, node: NodeRef<'_>, is_object: bool, path: &Path) {
        if self.defaults.pruned && is_unpruned(default, node, is_object) {
            let detail = "must not have unknown fields";
            self.errors
                .push(FieldError::invalid(path, bad_value(default), detail));
        }
        let mut coerced = default.clone();
        let base = path.as_str();
        if let Err(error) = embedded::coerce(node, &mut coerced, base, is_object, Malformed::Reject)
        {
            self.errors.push(error);
            return;
        }
        let found = embedded::validate(node, &coerced, base, is_object, self.defaults.check);
        if found.is_empty() {
            self.schema(&coerced, node, path);
        } else {
            self.errors.extend(found);
        }
    }

    fn schema(&mut self, default: &Value, node: NodeRef<'_>, path: &Path) {
        let options = Options {
            base: Some(path),
            untyped_int_or_string: true,
            ..Options::default()
        };
        let found = node.validate(default, options).errors;
        if found.is_empty() && !self.budget.is_exhausted() {
            let found = validate_default(node, default, path, &mut self.budget);
            self.errors.extend(found);
        }
        self.errors.extend(found);
    }

    /// Validates a default of metadata as part of an object that has only metadata.
    fn of_metadata(
        &mut self,
        default: &Value,
        node: NodeRef<'_>,
        around: Around<'_>,
        steps: &[Step],
        path: &Path,
    ) {
        let mut object = wrap(default.clone(), steps);
        let invalid = |detail: String| {
            let detail = format!("must result in valid metadata: {detail}");
            FieldError::invalid(path, bad_value(default), detail)
        };
        if let Err(error) =
            embedded::coerce(around.object, &mut object, "", true, Malformed::Reject)
        {
            self.errors.push(invalid(error.to_string()));
            return;
        }
        let found = embedded::validate(around.object, &object, "", true, self.defaults.check);
        if found.is_empty() {
            self.schema(default, node, path);
        } else {
            self.errors.push(invalid(aggregate(&found)));
        }
    }
}

fn wrap(default: Value, steps: &[Step]) -> Value {
    let mut object = steps.iter().rev().fold(default, |inner, step| match step {
        Step::Field(name) => Value::Object(Map::from_iter([(name.clone(), inner)])),
        Step::Item => Value::Array(vec![inner]),
    });
    if let Value::Object(fields) = &mut object {
        for (name, value) in [("kind", "Validation"), ("apiVersion", "validation/v1")] {
            fields.entry(name).or_insert_with(|| value.into());
        }
    }
    object
}
