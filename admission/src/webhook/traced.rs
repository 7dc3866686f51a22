//! What becomes of webhooks, for requests that are traced.

use super::call::Failure;
use crate::Attributes;
use crate::hooks::compiled::Hook;
use crate::matching::mismatch::Mismatch;
use crate::trace::{Callback, Change, Consulted, Verdict};

/// The request is not for a webhook.
pub(super) fn mismatch(attributes: &Attributes<'_>, hook: &Hook, mismatch: Mismatch) {
    skipped(attributes, hook, || {
        hook.selectors.words(mismatch, &hook.rules)
    });
}

/// The request is not for a webhook, for a reason in words.
pub(super) fn skipped(attributes: &Attributes<'_>, hook: &Hook, why: impl FnOnce() -> String) {
    note(attributes, hook, None, || Verdict::Skipped(why()));
}

/// Whether a webhook that the request is for is not to be called, since the request is only explained.
pub(super) fn withholds(attributes: &Attributes<'_>, hook: &Hook) -> bool {
    let Some(trace) = attributes.trace else {
        return false;
    };
    let why = match (trace.calls_webhooks(), hook.supports_dry_run) {
        (true, true) => return false,
        (false, true) => "an explanation calls webhooks only on demand".to_owned(),
        (_, false) => format!(
            "its side effects are {}: no dry run may call it",
            hook.side_effects
        ),
    };
    note(attributes, hook, None, || Verdict::NotCalled(why));
    true
}

/// A webhook allowed the request; `before` is the object that it was shown.
pub(super) fn allowed(attributes: &Attributes<'_>, hook: &Hook, before: Vec<u8>) {
    let after = attributes.traced_object();
    let change = (before != after).then_some(Change { before, after });
    note(attributes, hook, change, || Verdict::Allowed);
}

/// A webhook did not allow the request.
pub(super) fn refused(attributes: &Attributes<'_>, hook: &Hook, failure: &Failure) {
    match failure {
        Failure::Denied(status) => note(attributes, hook, None, || {
            Verdict::Denied(status.message.clone())
        }),
        Failure::Call { why: error, .. } => failed(attributes, hook, error),
        Failure::Internal(status) => failed(attributes, hook, &status.message),
    }
}

/// A webhook could not be asked.
pub(super) fn failed(attributes: &Attributes<'_>, hook: &Hook, error: &str) {
    note(attributes, hook, None, || Verdict::Failed {
        error: error.to_owned(),
        ignored: hook.fails_open,
    });
}

fn note(
    attributes: &Attributes<'_>,
    hook: &Hook,
    change: Option<Change>,
    verdict: impl FnOnce() -> Verdict,
) {
    if let Some(trace) = attributes.trace {
        trace.consulted(Consulted {
            callback: Callback::Webhook {
                configuration: hook.configuration.clone(),
                name: hook.name.clone(),
            },
            verdict: verdict(),
            change,
        });
    }
}
