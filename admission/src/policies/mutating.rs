//! Policies that change objects, ready to be evaluated.

use k8s_openapi::api::admissionregistration::v1::{MutatingAdmissionPolicySpec, Mutation};
use portcullis_cel::Environment;

use super::base::{Base, Environments, Head};
use super::index::Compiled;
use crate::expressions::budget::Expression;

/// A compiled policy that changes objects.
pub(crate) struct MutatingPolicy {
    pub(crate) base: Base,
    /// The spec that it was compiled from.
    spec: MutatingAdmissionPolicySpec,
    pub(crate) changes: Vec<Change>,
    /// Whether it is evaluated again if the object changed after it.
    pub(crate) is_reinvocable: bool,
}

impl Compiled for MutatingPolicy {
    type Spec = MutatingAdmissionPolicySpec;

    fn compile(name: &str, spec: &Self::Spec) -> Self {
        let mut base = Base::new(
            name,
            &Head {
                failure_policy: spec.failure_policy.as_deref(),
                constraints: spec.match_constraints.as_ref(),
                param_kind: spec.param_kind.as_ref(),
                conditions: spec.match_conditions.as_ref(),
                variables: spec.variables.as_ref(),
            },
        );
        let environment = &Environments::of(spec.param_kind.as_ref()).all;
        let all = base.composition.declared_in(environment).with_patches();
        let mutations = spec.mutations.iter().flatten();
        let changes: Vec<_> = mutations.map(|m| Change::new(m, &all)).collect();
        changes
            .iter()
            .for_each(|change| base.note(&change.expression));
        Self {
            base,
            spec: spec.clone(),
            changes,
            is_reinvocable: spec.reinvocation_policy.as_deref() == Some("IfNeeded"),
        }
    }

    fn spec(&self) -> &Self::Spec {
        &self.spec
    }

    fn base(&self) -> &Base {
        &self.base
    }
}

/// A mutation.
pub(crate) struct Change {
    pub(crate) expression: Expression,
    /// Whether the expression returns operations of a JSON patch; otherwise it returns an apply
    /// configuration, which is merged into the object.
    pub(crate) lists_operations: bool,
}

impl Change {
    fn new(mutation: &Mutation, environment: &Environment) -> Self {
        let lists_operations = mutation.patch_type == "JSONPatch";
        let operations = mutation.json_patch.as_ref();
        let overlay = mutation.apply_configuration.as_ref();
        let (text, of) = match lists_operations {
            true => (
                operations.and_then(|patch| patch.expression.as_deref()),
                environment.operations(),
            ),
            false => (
                overlay.and_then(|overlay| overlay.expression.as_deref()),
                environment.overlay(),
            ),
        };
        let text = text.unwrap_or_default();
        Self {
            expression: Expression::compile(environment, text, &[of]),
            lists_operations,
        }
    }
}
