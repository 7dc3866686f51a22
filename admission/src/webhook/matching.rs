//! Which webhooks a request is sent to, and in which version.
//!
//! Upstream: `ShouldCallHook` in `plugin/webhook/generic/webhook.go`.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Namespace;
use portcullis_api::Status;
use serde_json::Value;

use crate::Attributes;
use crate::expressions::input::Input;
use crate::hooks::compiled::Hook;
use crate::lookup::Lookup;
use crate::lookups::Lookups;
use crate::matching::documents::{Documents, EncodedVersions, variable};
use crate::matching::request::{Reviewed, caller};
use crate::matching::served::served;
use crate::permissions::Permissions;
use crate::versions::Served;

/// Decides which webhooks are called.
pub(super) struct Matcher {
    namespaces: Arc<dyn Lookup<Namespace>>,
    permissions: Arc<dyn Permissions>,
}

/// How a webhook is to be called.
pub(super) struct Invocation<'a> {
    /// The version that its rule names.
    pub(super) served: Served<'a>,
    pub(super) documents: Documents,
}

impl Matcher {
    pub(super) fn new(lookups: &Lookups) -> Self {
        Self {
            namespaces: Arc::clone(&lookups.namespaces),
            permissions: Arc::clone(&lookups.permissions),
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
            return Ok(None);
        };
        let selected = hook.selectors.select(attributes, &*self.namespaces).await?;
        if !selected {
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
            object: variable(documents.object.as_deref())?,
            old_object: variable(documents.old_object.as_deref())?,
            request: reviewed.without_objects().into(),
            namespace: Value::Null.into(),
            params: Value::Null.into(),
            caller: caller(attributes, &self.permissions).into(),
        };
        match hook.conditions.hold_for(&input) {
            Ok(holds) => Ok(holds),
            Err(_) if hook.fails_open => Ok(false),
            Err(error) => Err(Status::forbidden(
                attributes.resource,
                attributes.name,
                &error,
            )),
        }
    }
}
