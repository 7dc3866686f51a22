//! `ValidatingAdmissionWebhook`: webhooks that check the object, called concurrently.
//!
//! Upstream: `k8s.io/apiserver/pkg/admission/plugin/webhook/validating/dispatcher.go`.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use futures_util::future::join_all;
use portcullis_api::Status;

use super::annotations;
use super::call::{call, outcome};
use super::matching::{Invocation, Matcher, considered};
use super::traced;
use crate::hooks::Webhooks;
use crate::hooks::compiled::Hook;
use crate::hooks::index::Listed;
use crate::lookups::Lookups;
use crate::matching::documents::EncodedVersions;
use crate::matching::request::Reviewed;
use crate::metrics::Phase;
use crate::metrics::webhooks::{Called, WebhookMetrics};
use crate::versions::Versions;
use crate::{Attributes, ValidatingPlugin};

/// The value of the label `type` in upstream's metrics.
const METRICS_TYPE: &str = "validating";

#[allow(
    missing_debug_implementations,
    reason = "the lookups do not implement it"
)]
pub(crate) struct ValidatingWebhooks {
    webhooks: Arc<Webhooks>,
    matcher: Matcher,
    metrics: WebhookMetrics,
}

impl ValidatingWebhooks {
    pub(crate) fn new(lookups: &Lookups) -> Self {
        Self {
            webhooks: Arc::clone(&lookups.webhooks),
            matcher: Matcher::new(lookups, METRICS_TYPE),
            metrics: lookups.metrics.webhooks.clone(),
        }
    }

    /// Calls all webhooks that match the request, and waits for all of them: of several denials the first in
    /// their order counts, regardless of which came first.
    async fn dispatch(
        &self,
        hooks: &[Listed],
        attributes: &Attributes<'_>,
        versions: &dyn Versions,
    ) -> Result<(), Status> {
        let mut encoded = EncodedVersions::new(versions);
        let mut invoked = Vec::new();
        for Listed { hook, .. } in hooks {
            let invocation = self.matcher.invocation(hook, attributes, &mut encoded);
            if let Some(invocation) = invocation.await?
                && !traced::withholds(attributes, hook)
            {
                invoked.push((hook, invocation));
            }
        }
        let calls = invoked
            .iter()
            .enumerate()
            .map(|(position, (hook, invocation))| {
                self.check(hook, position, invocation, attributes, versions)
            });
        join_all(calls).await.into_iter().collect()
    }

    /// Calls a webhook.
    async fn check(
        &self,
        hook: &Hook,
        position: usize,
        invocation: &Invocation<'_>,
        attributes: &Attributes<'_>,
        versions: &dyn Versions,
    ) -> Result<(), Status> {
        let reviewed = Reviewed {
            attributes,
            requested: versions.requested(),
            sent: invocation.served,
        };
        let start = Instant::now();
        let called = call(hook, &reviewed, &invocation.documents, false).await;
        let observed = Called {
            webhook: &hook.name,
            kind: METRICS_TYPE,
            operation: attributes.operation,
            outcome: outcome(&called, hook),
        };
        let took = start.elapsed();
        self.metrics.observe(&observed, took);
        attributes.audit_annotations.called(Phase::Validate, took);
        let Err(failure) = called else {
            traced::allowed(attributes, hook, attributes.traced_object());
            return Ok(());
        };
        traced::refused(attributes, hook, &failure);
        let denial = failure.denies(hook);
        if denial.is_none() {
            let annotations = &attributes.audit_annotations;
            annotations::failed_open(annotations, hook, "validating", 0, position);
        }
        denial.map_or(Ok(()), Err)
    }
}

#[async_trait]
impl ValidatingPlugin for ValidatingWebhooks {
    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        let Some(versions) = attributes.versions else {
            return Ok(());
        };
        let hooks = self.webhooks.validating().current();
        let hooks = considered(&hooks, attributes);
        if hooks.is_empty() {
            return Ok(());
        }
        self.dispatch(hooks, attributes, versions).await
    }
}
