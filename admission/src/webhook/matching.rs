//! Which webhooks a request is sent to, and in which version.
//!
//! Upstream: `ShouldCallHook` in `plugin/webhook/generic/webhook.go`, and `plugin/webhook/predicates`.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Namespace;
use portcullis_api::selector::Labels;
use portcullis_api::{Object, Status};
use portcullis_cel::Attributes as Access;
use serde_json::Value;

use super::documents::{Documents, EncodedVersions};
use super::review::Reviewed;
use crate::attributes::NAMESPACES;
use crate::hooks::compiled::Hook;
use crate::hooks::conditions::Variables;
use crate::hooks::rules::{Rule, Subject};
use crate::lookup::{Lookup, Lookups};
use crate::permissions::Permissions;
use crate::versions::Served;
use crate::{Attributes, Operation};

/// Kinds that are never sent to webhooks, so that one that denies everything can be removed.
const EXEMPT: [&str; 6] = [
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
];

/// Groups of reviews, which are not stored: a failing webhook on them would block authentication.
const REVIEWS: [&str; 2] = ["authentication.k8s.io", "authorization.k8s.io"];

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

/// Whether a request is never sent to webhooks.
pub(super) fn is_exempt(attributes: &Attributes<'_>) -> bool {
    let kind = attributes.kind;
    let is_configuration =
        kind.group == "admissionregistration.k8s.io" && EXEMPT.contains(&kind.kind);
    is_configuration || REVIEWS.contains(&attributes.resource.group)
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
        let Some(served) = served(hook, attributes, versions) else {
            return Ok(None);
        };
        if !selects_object(hook, attributes) || !self.selects_namespace(hook, attributes).await? {
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

    /// An object in no namespace is always selected; a namespace is, by its own labels.
    async fn selects_namespace(
        &self,
        hook: &Hook,
        attributes: &Attributes<'_>,
    ) -> Result<bool, Status> {
        let selector = &hook.namespace_selector;
        let name = attributes.namespace_or_itself();
        if selector.is_everything() || (name.is_empty() && !attributes.is_namespace()) {
            return Ok(true);
        }
        let written = matches!(attributes.operation, Operation::Create | Operation::Update);
        if attributes.is_namespace() && attributes.subresource.is_empty() && written {
            return Ok(selector.matches(labels(attributes.object.as_deref())));
        }
        let namespace = match self.namespaces.get("", name) {
            Some(namespace) => Some(namespace),
            // the cache may be stale
            None => self.namespaces.get_live("", name).await?,
        };
        let namespace = namespace.ok_or_else(|| Status::not_found(NAMESPACES, name))?;
        Ok(selector.matches(namespace.metadata.labels.as_ref()))
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
        let variables = Variables {
            object: variable(documents.object.as_deref())?,
            old_object: variable(documents.old_object.as_deref())?,
            request: reviewed.without_objects(),
            permissions: &*self.permissions,
            user: attributes.user,
            resource: access(attributes),
        };
        match hook.conditions.hold(&variables) {
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

/// The version in which a webhook is sent a request, if its rules match.
fn served<'v>(
    hook: &Hook,
    attributes: &Attributes<'_>,
    versions: &EncodedVersions<'v>,
) -> Option<Served<'v>> {
    let matches = |rule: &Rule, served: &Served<'v>| {
        rule.matches(&Subject {
            operation: attributes.operation,
            group_version: served.group_version,
            resource: served.resource,
            subresource: attributes.subresource,
            is_namespaced: !attributes.namespace.is_empty(),
        })
    };
    let requested = versions.requested;
    if hook.rules.iter().any(|rule| matches(rule, &requested)) {
        return Some(requested);
    }
    if !hook.matches_equivalent {
        return None;
    }
    let mut matching = hook.rules.iter().filter_map(|rule| {
        let mut others = versions.others().iter();
        others.find(|served| matches(rule, served)).copied()
    });
    matching.next()
}

/// Either of the objects may be the selected one. The options of a connection have no labels that could
/// be selected, or missing.
fn selects_object(hook: &Hook, attributes: &Attributes<'_>) -> bool {
    let selector = &hook.object_selector;
    // a scale has no labels, whatever its object has
    let is_scale = attributes.subresource == "scale";
    let selects = |object: Option<&dyn Object>| {
        let found = object.map(|_| labels(object).filter(|_| !is_scale));
        found.is_some_and(|labels| selector.matches(labels))
    };
    if selector.is_everything() {
        return true;
    }
    attributes.operation != Operation::Connect
        && (selects(attributes.object.as_deref()) || selects(attributes.old_object))
}

fn labels(object: Option<&dyn Object>) -> Option<&Labels> {
    object.and_then(|object| object.metadata().labels.as_ref())
}

fn variable(document: Option<&[u8]>) -> Result<Value, Status> {
    document.map_or(Ok(Value::Null), |json| {
        serde_json::from_slice(json).map_err(Status::internal)
    })
}

/// The attributes of `authorizer.requestResource`.
fn access(attributes: &Attributes<'_>) -> Access {
    Access {
        group: attributes.resource.group.to_owned(),
        resource: attributes.resource.resource.to_owned(),
        subresource: attributes.subresource.to_owned(),
        namespace: attributes.namespace.to_owned(),
        name: attributes.name.to_owned(),
        ..Access::default()
    }
}
