//! What a question is answered with.

use std::sync::Arc;

use portcullis_authn::Authenticator;
use portcullis_rbac::Authorizer;

use portcullis_registry::Registry;

/// What decides: the parts that decide about real requests.
pub struct Explainer {
    /// Who is who.
    pub authenticator: Arc<dyn Authenticator>,
    /// Who may do what.
    pub authorizer: Arc<dyn Authorizer>,
    /// All objects, behind admission.
    pub registry: Arc<Registry>,
}
