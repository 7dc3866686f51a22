//! `ValidatingAdmissionPolicy`: policies that check the object.
//!
//! Upstream: `policy/validating/dispatcher.go`.

use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Namespace;
use portcullis_api::Status;

use super::evaluate::evaluate;
use super::outcome::{Annotations, Outcome};
use super::params::{ParamFinder, ServedKind};
use super::request::Request;
use crate::expressions::input::Input;
use crate::lookup::Lookup;
use crate::lookups::Lookups;
use crate::matching::exempt;
use crate::permissions::Permissions;
use crate::policies::compiled::{Binding, Policy};
use crate::policies::index::{BoundPolicy, ValidatingPolicies};
use crate::{Attributes, ValidatingPlugin};

#[allow(
    missing_debug_implementations,
    reason = "the lookups do not implement it"
)]
pub(crate) struct ValidatingPolicyPlugin {
    policies: Arc<ValidatingPolicies>,
    namespaces: Arc<dyn Lookup<Namespace>>,
    permissions: Arc<dyn Permissions>,
    params: ParamFinder,
}

impl ValidatingPolicyPlugin {
    pub(crate) fn new(lookups: &Lookups) -> Self {
        Self {
            policies: Arc::clone(&lookups.validating_policies),
            namespaces: Arc::clone(&lookups.namespaces),
            permissions: Arc::clone(&lookups.permissions),
            params: ParamFinder {
                resource_of: Arc::clone(&lookups.resource_of),
                stored: Arc::clone(&lookups.params),
            },
        }
    }

    /// Evaluates a policy as each of its bindings wants it.
    async fn policy<'p>(
        &self,
        bound: &'p BoundPolicy,
        request: &mut Request<'_>,
        outcome: &mut Outcome<'p>,
    ) -> Result<(), Status> {
        let (policy, attributes) = (&bound.policy, request.attributes);
        let Some(matches) = &policy.matches else {
            return Ok(());
        };
        let served = matches.served(attributes, &request.versions, &*self.namespaces);
        let served = match served.await {
            Ok(None) => return Ok(()),
            Ok(Some(served)) => served,
            Err(status) => {
                outcome.misconfigured(policy, None, &status.message);
                return Ok(());
            }
        };
        let kind = match self.params.kind(policy.spec.param_kind.as_ref()) {
            Ok(kind) => kind,
            Err(why) => {
                outcome.misconfigured(policy, None, &why);
                return Ok(());
            }
        };
        let mut annotations = Annotations::default();
        for binding in &bound.bindings {
            if !self.binds(policy, binding, request, outcome).await {
                continue;
            }
            let inputs = match self.inputs(policy, binding, kind, request, served).await? {
                Ok(inputs) => inputs,
                Err(why) => {
                    outcome.misconfigured(policy, Some(binding), &why);
                    continue;
                }
            };
            for input in inputs {
                let findings = evaluate(policy, &input).await;
                outcome.take(findings, policy, binding, &mut annotations, attributes);
            }
        }
        annotations.publish(policy, attributes);
        Ok(())
    }

    /// Whether a binding is about a request.
    async fn binds(
        &self,
        policy: &Policy,
        binding: &Binding,
        request: &Request<'_>,
        outcome: &mut Outcome<'_>,
    ) -> bool {
        let Some(matches) = &binding.matches else {
            return true;
        };
        let versions = &request.versions;
        let served = matches.served(request.attributes, versions, &*self.namespaces);
        match served.await {
            Ok(served) => served.is_some(),
            Err(status) => {
                outcome.misconfigured(policy, Some(binding), &status.message);
                false
            }
        }
    }

    /// What a policy is evaluated with: once for each object of parameters. The inner error is one of
    /// the binding, the outer one of the request.
    async fn inputs<'r>(
        &self,
        policy: &Policy,
        binding: &Binding,
        kind: Option<ServedKind<'_>>,
        request: &mut Request<'r>,
        served: crate::versions::Served<'r>,
    ) -> Result<Result<Vec<Input>, String>, Status> {
        let namespace = request.attributes.namespace_or_itself();
        let params = match self
            .params
            .find(kind, binding.params.as_ref(), namespace)
            .await
        {
            Ok(params) => params,
            Err(why) => return Ok(Err(why)),
        };
        if params.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        let base = match request.input(served).await {
            Ok(input) => input,
            Err(status) => {
                let why = format!("failed to convert object version: {}", status.message);
                return Ok(Err(why));
            }
        };
        let namespace = match policy.uses_namespace {
            true => request.namespace(&*self.namespaces).await?,
            false => Arc::clone(&base.namespace),
        };
        let inputs = params.into_iter().map(|params| Input {
            namespace: Arc::clone(&namespace),
            params,
            ..base.clone()
        });
        Ok(Ok(inputs.collect()))
    }
}

#[async_trait]
impl ValidatingPlugin for ValidatingPolicyPlugin {
    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        let Some(versions) = attributes.versions else {
            return Ok(());
        };
        let bound = self.policies.current();
        let bound = bound.about(attributes.resource.resource);
        if bound.is_empty() || exempt::from_policies(attributes) {
            return Ok(());
        }
        let mut request = Request::new(attributes, versions, &self.permissions);
        let mut outcome = Outcome::default();
        for policy in bound {
            self.policy(policy, &mut request, &mut outcome).await?;
        }
        outcome.conclude(attributes)
    }
}
