//! The parts that explanations are made with.

use std::sync::Arc;

use portcullis_authn::Authenticator;
use portcullis_rbac::Authorizer;

use portcullis_kinds::kinds::api_service::is_local;
use portcullis_registry::Registry;
use portcullis_registry::api_services::ApiServices;

use super::target::ExplainedRequest;

/// The parts that decide about real requests.
pub struct Explainer {
    /// Authentication.
    pub authenticator: Arc<dyn Authenticator>,
    /// Authorization.
    pub authorizer: Arc<dyn Authorizer>,
    /// All objects, behind admission.
    pub registry: Arc<Registry>,
    /// The versions of groups that other servers serve.
    pub elsewhere: Arc<ApiServices>,
}

impl Explainer {
    /// Whether the resource of a request is served, by this server or, possibly, by an aggregated one.
    pub(super) fn serves(&self, request: &ExplainedRequest) -> bool {
        let group = request.resource().group;
        let known = self.elsewhere.current();
        let mut elsewhere = known.all().filter(|service| !is_local(service));
        request.is_known
            || elsewhere.any(|service| {
                let spec = service.spec.as_ref();
                // the version may be a part of what the question names as the group
                let served = spec.and_then(|spec| spec.group.as_deref());
                served.is_some_and(|served| !served.is_empty() && group.ends_with(served))
            })
    }
}
