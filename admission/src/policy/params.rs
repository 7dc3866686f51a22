//! The parameters of an evaluation.
//!
//! Upstream: `CollectParams` in `policy/generic/policy_dispatcher.go`.

use std::sync::Arc;

use k8s_openapi::api::admissionregistration::v1::ParamKind;
use serde_json::Value;

use crate::lookup::{KindServed, ResourceOf, StoredParams};
use crate::policies::binding::{Params, Wanted};

/// Finds parameters.
pub(crate) struct ParamFinder {
    pub(crate) resource_of: ResourceOf,
    pub(crate) stored: Arc<dyn StoredParams>,
}

/// The kind of a policy's parameters, and how it is served.
#[derive(Clone, Copy)]
pub(crate) struct ServedKind<'p> {
    kind: &'p ParamKind,
    served: KindServed,
}

impl ParamFinder {
    /// How the kind of a policy's parameters is served; `None` if it has none.
    ///
    /// # Errors
    /// A sentence, if there is no such kind.
    pub(crate) fn kind<'p>(
        &self,
        kind: Option<&'p ParamKind>,
    ) -> Result<Option<ServedKind<'p>>, String> {
        let Some(kind) = kind else { return Ok(None) };
        let text = |text: &'p Option<String>| text.as_deref().unwrap_or_default();
        let (api_version, name) = (text(&kind.api_version), text(&kind.kind));
        match (self.resource_of)(api_version, name) {
            Some(served) => Ok(Some(ServedKind { kind, served })),
            None => {
                let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
                Err(format!(
                    "failed to find resource referenced by paramKind: '{group}/{version}, Kind={name}'"
                ))
            }
        }
    }

    /// The parameter objects that a binding refers to, for a request in a namespace.
    ///
    /// # Errors
    /// A sentence, if parameters are required and there are none.
    pub(crate) async fn find(
        &self,
        kind: ServedKind<'_>,
        params: &Params,
        namespace: &str,
    ) -> Result<Vec<Arc<Value>>, String> {
        let namespace = match (kind.served.is_namespaced, params.namespace.as_str()) {
            (false, "") => "",
            (false, _) => {
                return Err(
                    "paramRef.namespace must not be provided for a cluster-scoped `paramKind`"
                        .to_owned(),
                );
            }
            (true, "") if namespace.is_empty() => {
                return Err("cannot use namespaced paramRef in policy binding that matches cluster-scoped resources".to_owned());
            }
            (true, "") => namespace,
            (true, own) => own,
        };
        let api_version = kind.kind.api_version.as_deref().unwrap_or_default();
        let name = kind.kind.kind.as_deref().unwrap_or_default();
        let found = match &params.wanted {
            Wanted::Name(object) => {
                let found = self.stored.get(api_version, name, namespace, object).await;
                found.map(|found| found.into_iter().collect())
            }
            Wanted::Selected(selector) => {
                self.stored
                    .list(api_version, name, namespace, selector)
                    .await
            }
        };
        let found: Vec<_> = found.map_err(|status| status.message)?;
        if found.is_empty() && params.required {
            return Err(
                "no params found for policy binding with `Deny` parameterNotFoundAction".to_owned(),
            );
        }
        Ok(found)
    }
}
