//! The evaluations of a policy for a request: one for each binding that matches the request, and each
//! parameter object.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Namespace;
use portcullis_api::Status;

use super::params::{ParamFinder, ServedKind};
use super::request::Request;
use super::traced;
use crate::expressions::input::Input;
use crate::lookup::Lookup;
use crate::lookups::Lookups;
use crate::permissions::Permissions;
use crate::policies::base::Base;
use crate::policies::binding::Binding;
use crate::versions::Served;

/// Finds the evaluations of policies.
pub(crate) struct Finder {
    namespaces: Arc<dyn Lookup<Namespace>>,
    pub(crate) permissions: Arc<dyn Permissions>,
    params: ParamFinder,
}

/// One evaluation.
pub(crate) struct Invocation<'b, 'v> {
    pub(crate) binding: &'b Binding,
    /// The version that the policy matches.
    pub(crate) served: Served<'v>,
    pub(crate) input: Input,
}

/// A policy and a binding that are for a request, and the version that they match.
#[derive(Clone, Copy)]
struct Bound<'p, 'b, 'v> {
    policy: &'p Base,
    binding: &'b Binding,
    kind: Option<ServedKind<'p>>,
    served: Served<'v>,
}

/// A policy, or one of its bindings, is misconfigured.
pub(crate) struct Misconfigured<'b> {
    pub(crate) binding: Option<&'b Binding>,
    why: String,
}

impl Misconfigured<'_> {
    /// The message for users.
    pub(crate) fn message(&self) -> String {
        let what = if self.binding.is_some() {
            "binding"
        } else {
            "policy"
        };
        format!("failed to configure {what}: {}", self.why)
    }
}

/// The evaluations of a policy, and the errors of others, in the order of bindings.
pub(crate) type Invocations<'b, 'v> = Vec<Result<Invocation<'b, 'v>, Misconfigured<'b>>>;

impl Finder {
    pub(crate) fn new(lookups: &Lookups) -> Self {
        Self {
            namespaces: Arc::clone(&lookups.namespaces),
            permissions: Arc::clone(&lookups.permissions),
            params: ParamFinder {
                resource_of: Arc::clone(&lookups.resource_of),
                stored: Arc::clone(&lookups.params),
            },
        }
    }

    /// Adds the evaluations of a policy for a request.
    ///
    /// # Errors
    /// A [`Status`] if the namespace of the object does not exist.
    pub(crate) async fn find<'b, 'v>(
        &self,
        policy: &Base,
        bindings: &'b [Arc<Binding>],
        request: &mut Request<'_, 'v>,
        found: &mut Invocations<'b, 'v>,
    ) -> Result<(), Status> {
        let wrong = |binding, why| Err(Misconfigured { binding, why });
        let Some(matches) = &policy.matches else {
            return Ok(());
        };
        let (attributes, namespaces) = (request.attributes, &*self.namespaces);
        let served = matches.served(attributes, &request.versions, namespaces);
        let served = match served.await {
            Ok(Ok(served)) => served,
            Ok(Err(mismatch)) => {
                traced::skipped(attributes, policy, None, || matches.words(mismatch));
                return Ok(());
            }
            Err(status) => {
                found.push(wrong(None, status.message));
                return Ok(());
            }
        };
        let kind = match self.params.kind(policy.param_kind.as_ref()) {
            Ok(kind) => kind,
            Err(why) => {
                found.push(wrong(None, why));
                return Ok(());
            }
        };
        for binding in bindings {
            match self.mismatch(binding, request).await {
                Ok(None) => {}
                Ok(Some(why)) => {
                    traced::skipped(attributes, policy, Some(binding), why);
                    continue;
                }
                Err(status) => {
                    found.push(wrong(Some(binding), status.message));
                    continue;
                }
            }
            let bound = Bound {
                policy,
                binding,
                kind,
                served,
            };
            if let Err(why) = self.invoke(&bound, request, found).await? {
                found.push(wrong(Some(binding), why));
            }
        }
        Ok(())
    }

    /// Why a binding is not about a request; `None` if it is.
    async fn mismatch<'b>(
        &self,
        binding: &'b Binding,
        request: &Request<'_, '_>,
    ) -> Result<Option<impl FnOnce() -> String + use<'b>>, Status> {
        let Some(matches) = &binding.matches else {
            return Ok(None);
        };
        let (attributes, versions) = (request.attributes, &request.versions);
        let served = matches
            .served(attributes, versions, &*self.namespaces)
            .await?;
        Ok(served.err().map(|mismatch| move || matches.words(mismatch)))
    }

    /// Adds the evaluations for a binding: one for each parameter object. The inner error is one of the
    /// binding, the outer one of the request.
    async fn invoke<'b, 'v>(
        &self,
        of: &Bound<'_, 'b, 'v>,
        request: &mut Request<'_, 'v>,
        found: &mut Invocations<'b, 'v>,
    ) -> Result<Result<(), String>, Status> {
        let Bound {
            policy,
            binding,
            kind,
            served,
        } = *of;
        let attributes = request.attributes;
        let params = match kind.zip(binding.params.as_ref()) {
            None => None,
            Some((kind, params)) => {
                let namespace = attributes.namespace_or_itself();
                match self.params.find(kind, params, namespace).await {
                    Ok(objects) if objects.is_empty() => {
                        let why =
                            || "it refers to no object of parameters that is there".to_owned();
                        traced::skipped(attributes, policy, Some(binding), why);
                        return Ok(Ok(()));
                    }
                    Ok(objects) => Some(objects),
                    Err(why) => return Ok(Err(why)),
                }
            }
        };
        let mut input = match request.input(served).await {
            Ok(input) => input.clone(),
            Err(status) => {
                let why = format!("failed to convert object version: {}", status.message);
                return Ok(Err(why));
            }
        };
        if policy.uses_namespace {
            input.namespace = Some(request.namespace(&*self.namespaces).await?);
        }
        let mut add = |input| {
            found.push(Ok(Invocation {
                binding,
                served,
                input,
            }));
        };
        match params {
            // no parameters, or the binding refers to none: it is evaluated once
            None => add(input),
            Some(objects) => objects.into_iter().map(Some).for_each(|params| {
                add(Input {
                    params,
                    ..input.clone()
                });
            }),
        }
        Ok(Ok(()))
    }
}
