//! Admission: a dry run of the change, and the result of each plugin.

use async_trait::async_trait;
use portcullis_admission::trace::{Change as ObjectChange, PolicyTrial, Step};
use portcullis_admission::{Trace, chain};
use portcullis_api::{Object, Status, UserInfo};
use portcullis_rbac::{Attributes, Authorizer, ResourceTarget, Target};
use serde_json::Value;

use super::consulted::Consulted;
use super::diff::{Difference, differences};
use super::explainer::Explainer;
use super::target::{Change as RequestedChange, Write};
use super::{Phase, PluginStep, Policies, Policy, authorization};
use crate::endpoints::body::{self, Expected};
use crate::endpoints::query::FieldValidation;
use crate::endpoints::{create, update};
use portcullis_kinds::resource::Resource;
use portcullis_kinds::table;
use portcullis_registry::Scope;
use portcullis_registry::current::Current;
use portcullis_registry::delete::DeleteOptions;
use portcullis_registry::update::Change;

/// A replacement whose manager is not recorded.
struct Replacement<'c> {
    authorizer: &'c dyn Authorizer,
    scope: &'c Scope<'c>,
    object: Box<dyn Object>,
}

#[async_trait]
impl Change for Replacement<'_> {
    async fn apply(&self, current: Option<&Current>) -> Result<Box<dyn Object>, Status> {
        if current.is_none() {
            create::may_create(self.authorizer, self.scope)?;
        }
        Ok(self.object.clone())
    }
}

/// Runs the change up to the store.
///
/// Returns the results of the plugins, and the code of success or the error.
pub async fn explain(
    explainer: &Explainer,
    user: &UserInfo,
    namespace: &str,
    change: &RequestedChange,
    trace: Trace,
) -> (Vec<PluginStep>, Result<u16, Status>) {
    let (resource, name) = match change {
        RequestedChange::Write(write) => (&write.resource, &write.name),
        RequestedChange::Delete(deletion) => (&deletion.resource, &deletion.name),
    };
    let scope = Scope {
        dry_run: true,
        conversions: Some(explainer.registry.conversions()),
        trace: Some(&trace),
        ..Scope::all(resource, user).named(namespace, name)
    };
    let changed = match change {
        RequestedChange::Write(write) => dry_run(explainer, &scope, write).await,
        RequestedChange::Delete(_) => {
            let options = DeleteOptions::default();
            let deleted = explainer.registry.delete(&scope, &options).await;
            deleted.map(|_| 200)
        }
    };
    let authorizer = explainer.authorizer.as_ref();
    let mut explained = Vec::new();
    for step in trace.into_steps() {
        explained.push(plugin(authorizer, user, namespace, resource, step).await);
    }
    (explained, changed)
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
        let object = update::check_and_default(scope, read)?;
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
    let object = create::check_and_default(scope, read)?;
    registry.create(scope, object).await?;
    Ok(201)
}

async fn plugin(
    authorizer: &dyn Authorizer,
    user: &UserInfo,
    namespace: &str,
    resource: &Resource,
    step: Step,
) -> PluginStep {
    let is_secret = resource.plural == table::SECRETS.plural;
    let changes = |change: Option<&ObjectChange>| changes(change, is_secret);
    let policies = match step.policies {
        None => None,
        Some(found) => {
            let mut tried = Vec::new();
            for trial in found.trials {
                tried.push(policy(authorizer, user, namespace, trial).await);
            }
            Some(Policies {
                tried,
                asked: found.asked,
            })
        }
    };
    let consulted = step.consulted.into_iter().map(|consulted| {
        let changes = changes(consulted.change.as_ref());
        Consulted::new(consulted, changes)
    });
    PluginStep {
        plugin: step.plugin.to_owned(),
        phase: match step.phase {
            chain::Phase::Mutate => Phase::Mutate,
            chain::Phase::Validate => Phase::Validate,
        },
        changes: changes(step.change.as_ref()),
        refused: step.denial.map(|status| status.message),
        policies,
        consulted: consulted.collect(),
    }
}

/// What has changed of an object.
fn changes(change: Option<&ObjectChange>, is_secret: bool) -> Vec<Difference> {
    let changes = change.map(|change| {
        let value = |json: &[u8]| serde_json::from_slice::<Value>(json).unwrap_or_default();
        differences(&value(&change.before), &value(&change.after))
    });
    let mut changes = changes.unwrap_or_default();
    if is_secret {
        changes.iter_mut().for_each(hide);
    }
    changes
}

/// Values of secrets are never shown.
fn hide(difference: &mut Difference) {
    for value in [&mut difference.before, &mut difference.after] {
        if value.is_some() {
            *value = Some("(not shown)".into());
        }
    }
}

async fn policy(
    authorizer: &dyn Authorizer,
    user: &UserInfo,
    namespace: &str,
    trial: PolicyTrial,
) -> Policy {
    let through = match &trial.may_use {
        None => None,
        Some(may_use) => {
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
            Some(authorization::explain(authorizer, &attributes).await)
        }
    };
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
