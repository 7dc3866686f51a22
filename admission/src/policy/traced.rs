//! What becomes of policies, for requests that are traced.

use std::sync::Arc;

use serde_json::Value;

use super::findings::Findings;
use crate::Attributes;
use crate::matching::by_resource::ByResource;
use crate::matching::exempt;
use crate::policies::base::Base;
use crate::policies::binding::Binding;
use crate::policies::index::{Bound, Compiled, Index};
use crate::trace::{Callback, Change, Consulted, Verdict};

/// The policies to be considered for a request: those that may be about its resource, unless the request
/// is only explained.
pub(super) fn considered<'b, P: Compiled>(
    index: &Index<P>,
    bound: &'b ByResource<Arc<Bound<P>>>,
    attributes: &Attributes<'_>,
) -> &'b [Arc<Bound<P>>] {
    let Some(trace) = attributes.trace else {
        let found = bound.about(attributes.resource.resource);
        let exempt = !found.is_empty() && exempt::from_policies(attributes);
        return if exempt { &[] } else { found };
    };
    let skip = |name: &str, why: String| {
        trace.consulted(Consulted {
            callback: policy(name, None, String::new()),
            verdict: Verdict::Skipped(why),
            change: None,
        });
    };
    for name in index.unbound() {
        skip(&name, "it has no binding".to_owned());
    }
    if !exempt::from_policies(attributes) {
        return bound.all();
    }
    for bound in bound.all() {
        let why = format!("no policy is evaluated for {}", attributes.kind.kind);
        skip(&bound.policy.base().name, why);
    }
    &[]
}

/// The request is not for a policy, or not for one of its bindings.
pub(super) fn skipped(
    attributes: &Attributes<'_>,
    base: &Base,
    binding: Option<&Binding>,
    why: impl FnOnce() -> String,
) {
    note(attributes, base, binding, &Value::Null, None, || {
        Verdict::Skipped(why())
    });
}

/// A policy, or one of its bindings, cannot be used.
pub(super) fn misconfigured(
    attributes: &Attributes<'_>,
    base: &Base,
    binding: Option<&Binding>,
    error: &str,
) {
    note(attributes, base, binding, &Value::Null, None, || {
        Verdict::Failed {
            error: error.to_owned(),
            ignored: base.fails_open,
        }
    });
}

/// A policy was evaluated.
pub(super) fn found(
    attributes: &Attributes<'_>,
    base: &Base,
    binding: &Binding,
    params: &Value,
    findings: &Findings,
) {
    note(attributes, base, Some(binding), params, None, || {
        let Findings {
            failures,
            annotation_errors,
            unmet,
            conditions: _,
            ..
        } = findings;
        if let Some(condition) = unmet {
            return Verdict::Skipped(base.conditions.words(*condition));
        }
        let messages = failures.iter().map(|failed| &failed.message);
        let messages: Vec<_> = messages.chain(annotation_errors).cloned().collect();
        if messages.is_empty() {
            return Verdict::Allowed;
        }
        Verdict::Violated {
            messages,
            actions: binding.actions.clone(),
        }
    });
}

/// A policy has changed the object, or not; with the errors of its mutations.
pub(super) fn changed(
    attributes: &Attributes<'_>,
    base: &Base,
    binding: &Binding,
    params: &Value,
    before: Vec<u8>,
    errors: &[String],
) {
    let after = attributes.traced_object();
    let change = (before != after).then_some(Change { before, after });
    note(
        attributes,
        base,
        Some(binding),
        params,
        change,
        || match errors {
            [] => Verdict::Allowed,
            errors => Verdict::Failed {
                error: errors.join("; "),
                ignored: base.fails_open,
            },
        },
    );
}

fn note(
    attributes: &Attributes<'_>,
    base: &Base,
    binding: Option<&Binding>,
    params: &Value,
    change: Option<Change>,
    verdict: impl FnOnce() -> Verdict,
) {
    if let Some(trace) = attributes.trace {
        let binding = binding.map(|binding| binding.name.clone());
        trace.consulted(Consulted {
            callback: policy(&base.name, binding, place(params)),
            verdict: verdict(),
            change,
        });
    }
}

fn policy(name: &str, binding: Option<String>, params: String) -> Callback {
    Callback::Policy {
        name: name.to_owned(),
        binding,
        params,
    }
}

/// The name of the parameter object; empty without one.
fn place(params: &Value) -> String {
    let text = |field: &str| {
        let text = params.pointer(field).and_then(Value::as_str);
        text.unwrap_or_default()
    };
    match (text("/metadata/namespace"), text("/metadata/name")) {
        ("", name) => name.to_owned(),
        (namespace, name) => format!("{namespace}/{name}"),
    }
}
