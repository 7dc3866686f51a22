//! The common parts of both kinds of policies.

use std::sync::LazyLock;

use k8s_openapi::api::admissionregistration::v1::{
    MatchCondition, MatchResources, ParamKind, Variable,
};
use portcullis_cel::{Composition, DeclType, Environment};

use super::matches::Matches;
use crate::expressions::budget::Expression;
use crate::expressions::conditions::Conditions;

const NAMESPACE: &str = "namespaceObject";

/// Without parameters, and with them.
static ENVIRONMENTS: LazyLock<[Environments; 2]> =
    LazyLock::new(|| [false, true].map(Environments::new));

/// The environments of a policy's expressions.
pub(crate) struct Environments {
    pub(crate) all: Environment,
    /// Messages cannot use the authorizer.
    pub(crate) message: Environment,
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

    pub(crate) fn of(params: Option<&ParamKind>) -> &'static Self {
        let [without, with] = &*ENVIRONMENTS;
        if params.is_some() { with } else { without }
    }
}

/// The common parts of both kinds of policies.
pub(crate) struct Base {
    pub(crate) name: String,
    /// Whether errors are ignored.
    pub(crate) fails_open: bool,
    pub(crate) matches: Option<Matches>,
    pub(crate) param_kind: Option<ParamKind>,
    pub(crate) conditions: Conditions,
    pub(crate) composition: Composition,
    /// Whether any expression may refer to the namespace of the object.
    pub(crate) uses_namespace: bool,
}

/// The common fields of both kinds of specs.
pub(crate) struct Head<'s> {
    pub(crate) failure_policy: Option<&'s str>,
    pub(crate) constraints: Option<&'s MatchResources>,
    pub(crate) param_kind: Option<&'s ParamKind>,
    pub(crate) conditions: Option<&'s Vec<MatchCondition>>,
    pub(crate) variables: Option<&'s Vec<Variable>>,
}

impl Base {
    pub(crate) fn new(name: &str, head: &Head<'_>) -> Self {
        let environment = &Environments::of(head.param_kind).all;
        let mut composition = Composition::default();
        for variable in head.variables.into_iter().flatten() {
            // an invalid variable fails when it is used
            let _ = composition.define(environment, &variable.name, &variable.expression);
        }
        let conditions = head.conditions.map_or(&[][..], Vec::as_slice);
        Self {
            name: name.to_owned(),
            fails_open: head.failure_policy == Some("Ignore"),
            matches: head.constraints.map(Matches::new),
            param_kind: head.param_kind.cloned(),
            conditions: Conditions::compile(environment, conditions),
            uses_namespace: composition.uses(NAMESPACE),
            composition,
        }
    }

    /// Notes the variables that an expression of the policy uses.
    pub(crate) fn note(&mut self, expression: &Expression) {
        self.uses_namespace |= expression.uses(NAMESPACE);
    }
}
