//! The parts that explanations are made with.

use std::sync::Arc;

use portcullis_authn::Authenticator;
use portcullis_rbac::Authorizer;

use portcullis_registry::Registry;

/// The parts that decide about real requests.
pub struct Explainer {
    /// Authentication.
    pub authenticator: Arc<dyn Authenticator>,
    /// Authorization.
    pub authorizer: Arc<dyn Authorizer>,
    /// All objects, behind admission.
    pub registry: Arc<Registry>,
}
