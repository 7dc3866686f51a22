//! Policies that check objects, ready to be evaluated.

use k8s_openapi::api::admissionregistration::v1::{
    AuditAnnotation, ValidatingAdmissionPolicySpec, Validation,
};
use portcullis_cel::{Environment, Type};

use super::base::{Base, Environments, Head};
use super::index::Compiled;
use crate::expressions::budget::Expression;

/// A compiled policy that checks objects.
pub(crate) struct Policy {
    pub(crate) base: Base,
    /// The spec that it was compiled from.
    spec: ValidatingAdmissionPolicySpec,
    pub(crate) checks: Vec<Check>,
    pub(crate) annotations: Vec<Annotation>,
}

/// A validation.
pub(crate) struct Check {
    pub(crate) expression: Expression,
    pub(crate) message: String,
    pub(crate) message_expression: Option<Expression>,
    /// Empty for the default.
    pub(crate) reason: String,
}

/// An annotation for the audit log.
pub(crate) struct Annotation {
    pub(crate) key: String,
    pub(crate) value: Expression,
}

impl Compiled for Policy {
    type Spec = ValidatingAdmissionPolicySpec;

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
        let environments = Environments::of(spec.param_kind.as_ref());
        let all = base.composition.declared_in(&environments.all);
        let message = base.composition.declared_in(&environments.message);
        let checks = spec.validations.iter().flatten();
        let checks: Vec<_> = checks.map(|v| Check::new(v, &all, &message)).collect();
        let annotations = spec.audit_annotations.iter().flatten();
        let annotations: Vec<_> = annotations.map(|a| Annotation::new(a, &all)).collect();
        for check in &checks {
            base.note(&check.expression);
            check.message_expression.iter().for_each(|e| base.note(e));
        }
        annotations.iter().for_each(|a| base.note(&a.value));
        Self {
            base,
            spec: spec.clone(),
            checks,
            annotations,
        }
    }

    fn spec(&self) -> &Self::Spec {
        &self.spec
    }

    fn base(&self) -> &Base {
        &self.base
    }
}

impl Check {
    fn new(validation: &Validation, all: &Environment, message: &Environment) -> Self {
        let text = validation.message_expression.as_deref().unwrap_or_default();
        Self {
            expression: Expression::compile(all, &validation.expression, &[Type::Bool]),
            message: validation.message.clone().unwrap_or_default(),
            message_expression: (!text.is_empty())
                .then(|| Expression::compile(message, text, &[Type::String])),
            reason: validation.reason.clone().unwrap_or_default(),
        }
    }
}

impl Annotation {
    fn new(annotation: &AuditAnnotation, environment: &Environment) -> Self {
        let types = [Type::String, Type::Null];
        Self {
            key: annotation.key.clone(),
            value: Expression::compile(environment, &annotation.value_expression, &types),
        }
    }
}
