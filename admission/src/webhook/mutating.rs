//! `MutatingAdmissionWebhook`: webhooks that may change the object, one after the other.
//!
//! Upstream: `k8s.io/apiserver/pkg/admission/plugin/webhook/mutating/dispatcher.go`.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use portcullis_api::Status;

use super::annotations;
use super::call::{Failure, call, outcome};
use super::matching::{Invocation, Matcher, considered};
use super::patch;
use super::response::{JSON_PATCH, Response};
use super::traced;
use crate::hooks::Webhooks;
use crate::hooks::index::Listed;
use crate::lookups::Lookups;
use crate::matching::documents::{EncodedVersions, encode};
use crate::matching::request::Reviewed;
use crate::metrics::Phase;
use crate::metrics::webhooks::{Called, WebhookMetrics};
use crate::versions::Versions;
use crate::{Attributes, MutatingPlugin};

const NAME: &str = "MutatingAdmissionWebhook";
/// The value of the label `type` in upstream's metrics.
const METRICS_TYPE: &str = "admit";

#[allow(
    missing_debug_implementations,
    reason = "the lookups do not implement it"
)]
pub(crate) struct MutatingWebhooks {
    webhooks: Arc<Webhooks>,
    matcher: Matcher,
    metrics: WebhookMetrics,
}

impl MutatingWebhooks {
    pub(crate) fn new(lookups: &Lookups) -> Self {
        Self {
            webhooks: Arc::clone(&lookups.webhooks),
            matcher: Matcher::new(lookups, METRICS_TYPE),
            metrics: lookups.metrics.webhooks.clone(),
        }
    }

    async fn dispatch(
        &self,
        hooks: &[Listed],
        attributes: &mut Attributes<'_>,
        versions: &dyn Versions,
    ) -> Result<(), Status> {
        outdate_if_changed(attributes, versions).await?;
        let mut encoded = EncodedVersions::new(versions);
        for listed in hooks {
            let hook = &listed.hook;
            if !attributes.reinvocation.includes(&hook.uid) {
                continue;
            }
            let matcher = &self.matcher;
            let invocation = matcher.invocation(hook, attributes, &mut encoded);
            let Some(invocation) = invocation.await? else {
                continue;
            };
            if traced::withholds(attributes, hook) {
                continue;
            }
            let changed = self.run(listed, &invocation, attributes, versions).await?;
            if changed {
                encoded.outdate();
                attributes.reinvocation.changed();
            }
            if hook.is_reinvocable {
                attributes.reinvocation.ran(&hook.uid);
            }
        }
        if attributes.reinvocation.has_reinvocable() {
            let now = current(attributes, versions).await?;
            attributes.reinvocation.leave(NAME, now);
        }
        Ok(())
    }

    /// Calls a webhook, and applies its patch. Returns whether the object changed.
    async fn run(
        &self,
        listed: &Listed,
        invocation: &Invocation<'_>,
        attributes: &mut Attributes<'_>,
        versions: &dyn Versions,
    ) -> Result<bool, Status> {
        let (hook, position) = (&*listed.hook, listed.position);
        let round = usize::from(attributes.reinvocation.is_second_run());
        let (before, start) = (attributes.traced_object(), Instant::now());
        let reviewed = Reviewed {
            attributes,
            requested: versions.requested(),
            sent: invocation.served,
        };
        let called = call(hook, &reviewed, &invocation.documents, true).await;
        let changed = match called {
            Ok(response) => change(&hook.name, &response, invocation, attributes, versions).await,
            Err(failure) => Err(failure),
        };
        let call = Called {
            webhook: &hook.name,
            kind: METRICS_TYPE,
            operation: attributes.operation,
            outcome: outcome(&changed, hook),
        };
        let took = start.elapsed();
        self.metrics.observe(&call, took);
        let has_changed = matches!(changed, Ok(true));
        let annotations = &attributes.audit_annotations;
        annotations.called(Phase::Mutate, took);
        annotations::mutation(annotations, hook, round, position, has_changed);
        match changed {
            Ok(changed) => {
                traced::allowed(attributes, hook, before);
                Ok(changed)
            }
            Err(failure) => {
                traced::refused(attributes, hook, &failure);
                match failure.denies(hook) {
                    Some(status) => Err(status),
                    None => {
                        annotations::failed_open(annotations, hook, "mutation", round, position);
                        Ok(false)
                    }
                }
            }
        }
    }
}

#[async_trait]
impl MutatingPlugin for MutatingWebhooks {
    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), Status> {
        let Some(versions) = attributes.versions else {
            return Ok(());
        };
        let hooks = self.webhooks.mutating().current();
        let hooks = considered(&hooks, attributes);
        if hooks.is_empty() {
            return Ok(());
        }
        self.dispatch(hooks, attributes, versions).await
    }
}

/// Applies the patch of a response. Returns whether the object changed.
async fn change(
    webhook: &str,
    response: &Response,
    invocation: &Invocation<'_>,
    attributes: &mut Attributes<'_>,
    versions: &dyn Versions,
) -> Result<bool, Failure> {
    let Some(patch) = patch::parse(&response.patch)? else {
        return Ok(false);
    };
    let before = invocation.documents.object.as_deref();
    let (Some(base), Some(before)) = (attributes.object.as_deref(), before) else {
        return Err(Failure::Internal(Status::internal(format!(
            "admission webhook {webhook:?} attempted to modify the object, which is not supported for this operation"
        ))));
    };
    if response.patch_type != JSON_PATCH {
        let unsupported = format!("unsupported patch type {:?}", response.patch_type);
        return Err(Failure::Call {
            why: unsupported,
            // as upstream's, which says that nothing was wrong with the response
            code: 400,
        });
    }
    let served = &invocation.served;
    let patched = patch::apply(&patch, before, base, versions, served).await?;
    let after = encode(Some(&*patched), versions, served).await?;
    attributes.object = Some(patched);
    Ok(after.as_deref() != Some(before))
}

/// Before the second run: if other plugins have changed the object since the first, all webhooks with
/// `IfNeeded` are called again.
async fn outdate_if_changed(
    attributes: &mut Attributes<'_>,
    versions: &dyn Versions,
) -> Result<(), Status> {
    let reinvocation = &attributes.reinvocation;
    if !reinvocation.is_second_run() || !reinvocation.has_reinvocable() {
        return Ok(());
    }
    let now = current(attributes, versions).await?;
    attributes.reinvocation.compare(NAME, &now);
    Ok(())
}

/// The current object, as JSON.
async fn current(
    attributes: &Attributes<'_>,
    versions: &dyn Versions,
) -> Result<Option<Vec<u8>>, Status> {
    let object = attributes.object.as_deref();
    let encoded = encode(object, versions, &versions.requested()).await?;
    Ok(encoded.map(Into::into))
}
