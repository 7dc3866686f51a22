//! Which webhooks a request is sent to, and in which version.
//!
//! Upstream: `ShouldCallHook` in `plugin/webhook/generic/webhook.go`.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Namespace;
use portcullis_api::Status;

use super::traced;
use crate::Attributes;
use crate::expressions::conditions::Tally;
use crate::expressions::input::{Constant, Input};
use crate::hooks::compiled::Hook;
use crate::hooks::index::{Hooks, Listed};
use crate::lookup::Lookup;
use crate::lookups::Lookups;
use crate::matching::documents::{Documents, EncodedVersions, variable};
use crate::matching::exempt;
use crate::matching::mismatch::Mismatch;
use crate::matching::request::{Reviewed, caller};
use crate::matching::served::served;
use crate::metrics::conditions::{ConditionMetrics, Matched};
use crate::permissions::Permissions;
use crate::versions::Served;

/// Decides which webhooks are called.
pub(super) struct Matcher {
    namespaces: Arc<dyn Lookup<Namespace>>,
    permissions: Arc<dyn Permissions>,
    conditions: ConditionMetrics,
    /// The value of the label `type` in metrics.
    phase: &'static str,
}

/// How a webhook is to be called.
pub(super) struct Invocation<'a> {
    /// The version that its rule names.
    pub(super) served: Served<'a>,
    pub(super) documents: Documents,
}

/// The webhooks to be considered for a request: those that may be about its resource, unless the request
/// is only explained.
pub(super) fn considered<'h>(hooks: &'h Hooks, attributes: &Attributes<'_>) -> &'h [Listed] {
    let found = match attributes.trace {
        None => hooks.about(attributes.resource.resource),
        Some(_) => hooks.all(),
    };
    if found.is_empty() || !exempt::from_webhooks(attributes) {
        return found;
    }
    for Listed { hook, .. } in found {
        let why = || format!("{} is never sent to webhooks", attributes.kind.kind);
        traced::skipped(attributes, hook, why);
    }
    &[]
}

impl Matcher {
    /// `phase`: the type of admission, by upstream's name in metrics.
    pub(super) fn new(lookups: &Lookups, phase: &'static str) -> Self {
        Self {
            namespaces: Arc::clone(&lookups.namespaces),
            permissions: Arc::clone(&lookups.permissions),
            conditions: lookups.metrics.conditions.clone(),
            phase,
        }
    }

    /// How to call a webhook; `None` if the request is not for it.
    ///
    /// # Errors
    /// A [`Status`] if that cannot be decided.
    pub(super) async fn invocation<'v>(
        &self,
        hook: &Hook,
        attributes: &Attributes<'_>,
        versions: &mut EncodedVersions<'v>,
    ) -> Result<Option<Invocation<'v>>, Status> {
        let matching = served(&hook.rules, hook.matches_equivalent, attributes, versions);
        let Some(served) = matching else {
            traced::mismatch(attributes, hook, Mismatch::Rules);
            return Ok(None);
        };
        let namespaces = &*self.namespaces;
        let mismatch = hook.selectors.mismatch(attributes, namespaces).await?;
        if let Some(mismatch) = mismatch {
            traced::mismatch(attributes, hook, mismatch);
            return Ok(None);
        }
        let documents = versions.documents(attributes, served).await?;
        let reviewed = Reviewed {
            attributes,
            requested: versions.requested,
            sent: served,
        };
        let holds = self.conditions_hold(hook, &reviewed, &documents)?;
        Ok(holds.then_some(Invocation { served, documents }))
    }

    fn conditions_hold(
        &self,
        hook: &Hook,
        reviewed: &Reviewed<'_>,
        documents: &Documents,
    ) -> Result<bool, Status> {
        if hook.conditions.is_empty() {
            return Ok(true);
        }
        let attributes = reviewed.attributes;
        let input = Input {
            object: variable(documents.object.as_deref())?.into(),
            constant: Arc::new(Constant {
                old_object: variable(documents.old_object.as_deref())?,
                request: reviewed.without_objects(),
                caller: caller(attributes, &self.permissions).into(),
            }),
            namespace: None,
            params: None,
        };
        let matched = Matched {
            name: &hook.name,
            kind: "webhook",
            phase: self.phase,
            operation: attributes.operation,
        };
        let mut tally = Tally::default();
        let found = hook.conditions.first_false_for(&input, &mut tally);
        self.conditions.observe(&matched, &tally);
        match found {
            Ok(None) => Ok(true),
            Ok(Some(condition)) => {
                self.conditions.excluded(&matched);
                traced::skipped(attributes, hook, || hook.conditions.words(condition));
                Ok(false)
            }
            Err(error) if hook.fails_open => {
                self.conditions.excluded(&matched);
                traced::failed(attributes, hook, &error);
                Ok(false)
            }
            Err(error) => Err(Status::forbidden(
                attributes.resource,
                attributes.name,
                &error,
            )),
        }
    }
}
