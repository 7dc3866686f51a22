//! Policies and bindings, ready to be matched and evaluated.

use std::sync::LazyLock;

use k8s_openapi::api::admissionregistration::v1::{
    AuditAnnotation, ParamKind, ParamRef, ValidatingAdmissionPolicyBindingSpec,
    ValidatingAdmissionPolicySpec, Validation,
};
use portcullis_api::selector::LabelSelector;
use portcullis_cel::{Composition, DeclType, Environment, Type};

use super::matches::Matches;
use crate::expressions::budget::Expression;
use crate::expressions::conditions::Conditions;

/// Without parameters, and with them.
static ENVIRONMENTS: LazyLock<[Environments; 2]> =
    LazyLock::new(|| [false, true].map(Environments::new));

/// What expressions of a policy may refer to.
struct Environments {
    all: Environment,
    /// Messages cannot ask the authorizer.
    message: Environment,
}

impl Environments {
    fn new(has_params: bool) -> Self {
        let request = Environment::of_request(&DeclType::any());
        let message = match has_params {
            true => request.with_variable("params", DeclType::any()),
            false => request,
        };
        Self {
            all: message.clone().with_authorizer(),
            message,
        }
    }

    fn of(params: Option<&ParamKind>) -> &'static Self {
        let [without, with] = &*ENVIRONMENTS;
        if params.is_some() { with } else { without }
    }
}

/// A compiled policy.
pub(crate) struct Policy {
    pub(crate) name: String,
    /// What it was compiled from.
    pub(crate) spec: ValidatingAdmissionPolicySpec,
    /// Whether errors are ignored.
    pub(crate) fails_open: bool,
    pub(crate) matches: Option<Matches>,
    pub(crate) conditions: Conditions,
    pub(crate) composition: Composition,
    pub(crate) checks: Vec<Check>,
    pub(crate) annotations: Vec<Annotation>,
    /// Whether any expression may refer to the namespace of the object.
    pub(crate) uses_namespace: bool,
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

impl Policy {
    pub(crate) fn new(name: &str, spec: &ValidatingAdmissionPolicySpec) -> Self {
        let environments = Environments::of(spec.param_kind.as_ref());
        let mut composition = Composition::default();
        for variable in spec.variables.iter().flatten() {
            // one that does not compile fails where it is used
            let _ = composition.define(&environments.all, &variable.name, &variable.expression);
        }
        let all = composition.declared_in(&environments.all);
        let message = composition.declared_in(&environments.message);
        let checks = spec.validations.iter().flatten();
        let checks: Vec<_> = checks.map(|v| Check::new(v, &all, &message)).collect();
        let annotations = spec.audit_annotations.iter().flatten();
        let annotations: Vec<_> = annotations.map(|a| Annotation::new(a, &all)).collect();
        let messages = checks.iter().filter_map(|c| c.message_expression.as_ref());
        let mut expressions = messages
            .chain(checks.iter().map(|check| &check.expression))
            .chain(annotations.iter().map(|annotation| &annotation.value));
        let conditions = spec.match_conditions.as_deref().unwrap_or_default();
        Self {
            name: name.to_owned(),
            spec: spec.clone(),
            fails_open: spec.failure_policy.as_deref() == Some("Ignore"),
            matches: spec.match_constraints.as_ref().map(Matches::new),
            conditions: Conditions::compile(&environments.all, conditions),
            uses_namespace: !composition.is_empty()
                || expressions.any(|expression| expression.uses("namespaceObject")),
            composition,
            checks,
            annotations,
        }
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

/// A compiled binding.
pub(crate) struct Binding {
    pub(crate) name: String,
    pub(crate) spec: ValidatingAdmissionPolicyBindingSpec,
    /// About everything that the policy is about, if it does not say.
    pub(crate) matches: Option<Matches>,
    pub(crate) params: Option<Params>,
}

/// Which parameters a binding refers to.
pub(crate) struct Params {
    /// Empty for the namespace of the object.
    pub(crate) namespace: String,
    pub(crate) wanted: Wanted,
    /// Whether requests are denied if there are none.
    pub(crate) required: bool,
}

/// One object, or some.
pub(crate) enum Wanted {
    Name(String),
    Selected(LabelSelector),
}

impl Binding {
    pub(crate) fn new(name: &str, spec: &ValidatingAdmissionPolicyBindingSpec) -> Self {
        Self {
            name: name.to_owned(),
            spec: spec.clone(),
            matches: spec.match_resources.as_ref().map(Matches::new),
            params: spec.param_ref.as_ref().map(Params::new),
        }
    }
}

impl Params {
    fn new(reference: &ParamRef) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let name = text(&reference.name);
        let wanted = match name.is_empty() {
            false => Wanted::Name(name),
            true => Wanted::Selected(LabelSelector::of(reference.selector.as_ref())),
        };
        Self {
            namespace: text(&reference.namespace),
            wanted,
            required: reference.parameter_not_found_action.as_deref() == Some("Deny"),
        }
    }
}
