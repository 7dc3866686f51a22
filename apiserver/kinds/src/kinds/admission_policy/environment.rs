//! The variables that expressions of policies may use.

use std::sync::LazyLock;

use k8s_openapi::api::admissionregistration::v1::ParamKind;
use portcullis_cel::{DeclType, Environment};

/// The environments of the expressions of a policy.
pub(crate) struct Environments {
    pub(crate) all: Environment,
    /// Messages cannot use the authorizer.
    pub(crate) message: Environment,
}

/// Without parameters, and with them.
static ENVIRONMENTS: LazyLock<[Environments; 2]> = LazyLock::new(|| {
    let any = DeclType::any();
    [None, Some(any.clone())].map(|params| Environments::of_types(&any, params))
});

impl Environments {
    /// The environments of a policy, by the kind of its parameters.
    pub(crate) fn of(params: Option<&ParamKind>) -> &'static Self {
        let [without, with] = &*ENVIRONMENTS;
        if params.is_some() { with } else { without }
    }

    /// The environments for objects and parameters of these types.
    pub(crate) fn of_types(object: &DeclType, params: Option<DeclType>) -> Self {
        let request = Environment::of_request(object);
        let message = match params {
            Some(params) => request.with_variable("params", params),
            None => request,
        };
        Self {
            all: message.clone().with_authorizer(),
            message,
        }
    }
}
