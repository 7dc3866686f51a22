//! Is what they bring acceptable? A dry run of the write, and what each plugin did in it.

use portcullis_admission::trace::{PolicyTrial, Step};
use portcullis_admission::{Trace, chain};
use portcullis_api::{Object, Status, UserInfo};
use portcullis_rbac::{Attributes, Authorizer, ResourceTarget, Target};
use serde_json::Value;

use super::diff::{Difference, differences};
use super::explainer::Explainer;
use super::target::Write;
use super::{Phase, PluginStep, Policies, Policy, authorization};
use crate::endpoints::body::{self, Expected};
use crate::endpoints::query::FieldValidation;
use crate::endpoints::{create, update};
use portcullis_kinds::table;
use portcullis_registry::Scope;
use portcullis_registry::current::Current;
use portcullis_registry::update::Change;

/// A replacement whose writer nobody will remember.
struct Replacement<'c> {
    authorizer: &'c dyn Authorizer,
    scope: &'c Scope<'c>,
    object: Box<dyn Object>,
}

impl Change for Replacement<'_> {
    fn apply(&self, current: Option<&Current>) -> Result<Box<dyn Object>, Status> {
        if current.is_none() {
            create::may_create(self.authorizer, self.scope)?;
        }
        Ok(self.object.clone())
    }
}

/// Writes the object, but for the last step.
///
/// Returns what the plugins did, and the code of success or what was objected to.
pub async fn explain(
    explainer: &Explainer,
    user: &UserInfo,
    namespace: &str,
    write: &Write,
) -> (Vec<PluginStep>, Result<u16, Status>) {
    let trace = Trace::default();
    let scope = Scope {
        dry_run: true,
        trace: Some(&trace),
        ..Scope::all(&write.resource, user).named(namespace, &write.name)
    };
    let written = dry_run(explainer, &scope, write).await;
    let explained = trace
        .into_steps()
        .into_iter()
        .map(|step| plugin(explainer.authorizer.as_ref(), user, namespace, write, step));
    (explained.collect(), written)
}

async fn dry_run(explainer: &Explainer, scope: &Scope<'_>, write: &Write) -> Result<u16, Status> {
    let registry = &explainer.registry;
    let expected = Expected {
        kind: write.resource.kind,
        api_version: &write.api_version,
        reader: body::Reader::Resource(&write.resource),
    };
    let read = body::typed(&write.object, &[], expected, FieldValidation::Warn)
        .map_err(|why| why.into_status(expected))?;
    if write.update {
        let object = update::ready(scope, read)?;
        let replacement = Replacement {
            authorizer: explainer.authorizer.as_ref(),
            scope,
            object,
        };
        let updated = registry.update(scope, &replacement).await?;
        return Ok(if updated.created { 201 } else { 200 });
    }
    // a POST's URL names no object
    let scope = &scope.named(scope.namespace, "");
    let object = create::ready(scope, read)?;
    registry.create(scope, object).await?;
    Ok(201)
}

fn plugin(
    authorizer: &dyn Authorizer,
    user: &UserInfo,
    namespace: &str,
    write: &Write,
    step: Step,
) -> PluginStep {
    let changes = step.change.as_ref().map(|change| {
        let value = |json: &[u8]| serde_json::from_slice::<Value>(json).unwrap_or_default();
        differences(&value(&change.before), &value(&change.after))
    });
    let mut changes = changes.unwrap_or_default();
    if write.resource.plural == table::SECRETS.plural {
        changes.iter_mut().for_each(hide);
    }
    let policies = step.policies.map(|found| Policies {
        tried: found
            .trials
            .into_iter()
            .map(|trial| policy(authorizer, user, namespace, trial))
            .collect(),
        asked: found.asked,
    });
    PluginStep {
        plugin: step.plugin.to_owned(),
        phase: match step.phase {
            chain::Phase::Mutate => Phase::Mutate,
            chain::Phase::Validate => Phase::Validate,
        },
        changes,
        refused: step.denial.map(|status| status.message),
        policies,
    }
}

/// What is in a secret is nobody's business, not even of whoever may ask.
fn hide(difference: &mut Difference) {
    for value in [&mut difference.before, &mut difference.after] {
        if value.is_some() {
            *value = Some("(not shown)".into());
        }
    }
}

fn policy(
    authorizer: &dyn Authorizer,
    user: &UserInfo,
    namespace: &str,
    trial: PolicyTrial,
) -> Policy {
    let through = trial.may_use.as_ref().map(|may_use| {
        let account = service_account(&may_use.user);
        // the caller, or else the pod's service account
        let user = match &account {
            Some(account) if may_use.user != user.name => account,
            _ => user,
        };
        let target = ResourceTarget {
            group: may_use.group,
            resource: table::POD_SECURITY_POLICIES.plural,
            subresource: "",
            namespace,
            name: &trial.policy,
            ..ResourceTarget::default()
        };
        let attributes = Attributes {
            user,
            verb: "use",
            target: Target::Resource(target),
        };
        authorization::explain(authorizer, &attributes)
    });
    Policy {
        name: trial.policy,
        usable_by: trial.may_use.map(|may_use| may_use.user),
        through,
        accepts: trial.errors.is_empty(),
        errors: trial.errors,
        fills_in: trial.fills_in,
        chosen: trial.chosen,
    }
}

fn service_account(user: &str) -> Option<UserInfo> {
    let (namespace, name) = user
        .strip_prefix("system:serviceaccount:")?
        .split_once(':')?;
    Some(UserInfo::service_account(namespace, name))
}
