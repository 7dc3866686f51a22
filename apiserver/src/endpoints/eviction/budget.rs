//! Whether a pod's disruption budget allows its eviction, and the charge to the budget.

use std::collections::BTreeMap;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use portcullis_api::selector::LabelSelector;
use portcullis_api::status::{Cause, Details, Reason};
use portcullis_api::{GroupResource, Object, Status};
use portcullis_storage::ReadAt;

use portcullis_controllers::bootstrap;
use portcullis_kinds::resource::Resource;
use portcullis_kinds::table;
use portcullis_kinds::validation::labels::is_empty_selector;
use portcullis_kinds::validation::{list, text};
use portcullis_registry::collection::ListQuery;
use portcullis_registry::current::Current;
use portcullis_registry::facts::Selection;
use portcullis_registry::field_manager::update::Writer;
use portcullis_registry::update::Change;
use portcullis_registry::{Registry, Scope, codec};

const REFUSAL: &str = "Cannot evict pod as it would violate the pod's disruption budget.";
/// The `Retry-After` of a budget whose status is not up to date, in seconds.
const LATER: u32 = 10;
/// How many evicted pods may be listed that the disruption controller has not counted yet.
const DISRUPTED_MAX: usize = 2000;
const CONDITION: &str = "DisruptionAllowed";

/// Why a pod may be evicted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It has ended, or no budget selects it.
    Free,
    /// It has not started, so evicting it is not a disruption.
    NotStarted,
    /// It is not among the healthy pods of this budget.
    Unready {
        /// The name of the budget.
        budget: String,
    },
    /// A budget has been charged with it.
    Counted,
}

impl Decision {
    /// Whether the decision is valid for this version of the pod only: it may have become ready meanwhile.
    pub(super) const fn holds_for_this_version_only(&self) -> bool {
        matches!(self, Self::NotStarted | Self::Unready { .. })
    }
}

/// Decides whether a pod may be evicted, and charges its budget.
///
/// # Errors
/// 429 if it may not, 500 if several budgets select it.
pub(super) async fn decide(
    registry: &Registry,
    scope: &Scope<'_>,
    pod: &Pod,
) -> Result<Decision, Status> {
    let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
    if pod.metadata.deletion_timestamp.is_some() || matches!(phase, Some("Succeeded" | "Failed")) {
        return Ok(Decision::Free);
    }
    if phase == Some("Pending") {
        return Ok(Decision::NotStarted);
    }
    let budgets = table::POD_DISRUPTION_BUDGETS;
    let found = budgets_of(registry, budgets, scope.namespace, pod).await?;
    let [budget] = found.as_slice() else {
        return match found.as_slice() {
            [] => Ok(Decision::Free),
            _ => Err(ambiguous()),
        };
    };
    let name = text(budget.metadata.name.as_ref());
    if !is_ready(pod) && spares_unready(budget) {
        return Ok(Decision::Unready {
            budget: name.to_owned(),
        });
    }
    // the server's own bookkeeping, for which the user needs no permission
    let user = bootstrap::system();
    let status = Scope {
        api_version: "policy/v1",
        subresource: "status",
        dry_run: scope.dry_run,
        ..Scope::all(budgets, &user).named(scope.namespace, name)
    };
    let charge = Charge {
        pod: scope.name,
        writer: Writer::new(&status, "kube-apiserver", ""),
    };
    registry.update(&status, &charge).await?;
    Ok(Decision::Counted)
}

/// 500 without a reason, as upstream.
fn ambiguous() -> Status {
    let why = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
    let mut status = Status::failure(Reason::InternalError, why);
    status.reason = None;
    status
}

async fn budgets_of(
    registry: &Registry,
    budgets: &Resource,
    namespace: &str,
    pod: &Pod,
) -> Result<Vec<PodDisruptionBudget>, Status> {
    let user = bootstrap::system();
    let scope = Scope::all(budgets, &user).named(namespace, "");
    let query = ListQuery {
        selection: Selection::default(),
        at: ReadAt::Latest,
        limit: 0,
        continues: None,
    };
    let mut found = Vec::new();
    for entry in registry.list(&scope, &query).await?.entries {
        let object = codec::object(budgets, &entry)?;
        let budget = object.as_kind::<PodDisruptionBudget>();
        found.extend(budget.filter(|b| selects(b, pod)).cloned());
    }
    Ok(found)
}

/// A budget without a selector, or with an invalid one, selects no pod.
fn selects(budget: &PodDisruptionBudget, pod: &Pod) -> bool {
    let spec = budget.spec.as_ref();
    let Some(selector) = spec.and_then(|s| s.selector.as_ref()) else {
        return false;
    };
    let labels = pod.metadata.labels.as_ref();
    !is_empty_selector(selector) && LabelSelector::of(Some(selector)).matches(labels)
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|s| s.conditions.as_ref());
    list(conditions)
        .iter()
        .any(|c| c.type_ == "Ready" && c.status == "True")
}

/// Whether pods that are not ready may be evicted without a charge: always, or while enough others are ready.
fn spares_unready(budget: &PodDisruptionBudget) -> bool {
    let spec = budget.spec.as_ref();
    let policy = spec.and_then(|s| s.unhealthy_pod_eviction_policy.as_deref());
    let enough = |status: &PodDisruptionBudgetStatus| {
        let desired = status.desired_healthy.unwrap_or_default();
        status.current_healthy.unwrap_or_default() >= desired && desired > 0
    };
    policy == Some("AlwaysAllow") || budget.status.as_ref().is_some_and(enough)
}

/// Charges a budget with a pod; retries if the budget has changed meanwhile.
struct Charge<'a> {
    pod: &'a str,
    writer: Writer<'a>,
}

#[async_trait]
impl Change for Charge<'_> {
    async fn apply(&self, current: Option<&Current>) -> Result<Box<dyn Object>, Status> {
        let budgets = GroupResource {
            group: "policy",
            resource: "poddisruptionbudgets",
        };
        // deleting the budget removes the protection, but the client must try again
        let gone = || Status::not_found(budgets, "");
        let current = current.ok_or_else(gone)?;
        let mut budget = current
            .object
            .as_kind::<PodDisruptionBudget>()
            .cloned()
            .ok_or_else(gone)?;
        charge(&mut budget, self.pod)?;
        self.writer.changed(current, &mut budget).await;
        Ok(Box::new(budget))
    }
}

/// Upstream: `checkAndDecrement`.
fn charge(budget: &mut PodDisruptionBudget, pod: &str) -> Result<(), Status> {
    let name = text(budget.metadata.name.as_ref()).to_owned();
    let generation = budget.metadata.generation.unwrap_or_default();
    let status = budget.status.get_or_insert_default();
    let forbidden = |why| {
        let budgets = GroupResource {
            group: "policy",
            resource: "poddisruptionbudget",
        };
        Err(Status::forbidden(budgets, &name, why))
    };
    if status.observed_generation.unwrap_or_default() < generation {
        return Err(later(&name));
    }
    let allowed = status.disruptions_allowed.unwrap_or_default();
    if allowed < 0 {
        return forbidden("pdb disruptions allowed is negative");
    }
    if status.disrupted_pods.as_ref().map_or(0, BTreeMap::len) > DISRUPTED_MAX {
        return forbidden(
            "DisruptedPods map too big - too many evictions not confirmed by PDB controller",
        );
    }
    if allowed == 0 {
        let desired = status.desired_healthy.unwrap_or_default();
        let current = status.current_healthy.unwrap_or_default();
        let why = format!(
            "The disruption budget {name} needs {desired} healthy pods and has {current} currently"
        );
        return Err(refusal(why, 0));
    }
    status.disruptions_allowed = Some(allowed - 1);
    if allowed == 1 {
        say_exhausted(status);
    }
    status
        .disrupted_pods
        .get_or_insert_default()
        .insert(pod.to_owned(), portcullis_kinds::time::now());
    Ok(())
}

/// Upstream: `UpdateDisruptionAllowedCondition` in `k8s.io/component-helpers`.
fn say_exhausted(status: &mut PodDisruptionBudgetStatus) {
    let observed_generation = status.observed_generation;
    let conditions = status.conditions.get_or_insert_default();
    let known = conditions.iter_mut().find(|c| c.type_ == CONDITION);
    let now = portcullis_kinds::time::now();
    let (state, reason) = ("False".to_owned(), "InsufficientPods".to_owned());
    match known {
        Some(condition) => {
            if condition.status != state {
                condition.last_transition_time = now;
            }
            condition.status = state;
            condition.reason = reason;
            condition.message = String::new();
            condition.observed_generation = observed_generation;
        }
        None => conditions.push(Condition {
            type_: CONDITION.to_owned(),
            status: state,
            reason,
            message: String::new(),
            last_transition_time: now,
            observed_generation,
        }),
    }
}

/// 429 for a budget whose state is not known at the moment.
pub(super) fn later(budget: &str) -> Status {
    let why = format!("The disruption budget {budget} is still being processed by the server.");
    refusal(why, LATER)
}

fn refusal(why: String, retry_after_seconds: u32) -> Status {
    Status::failure(Reason::TooManyRequests, REFUSAL).with_details(Details {
        causes: vec![Cause {
            reason: "DisruptionBudget".to_owned(),
            message: why,
            field: String::new(),
        }],
        retry_after_seconds,
        ..Details::default()
    })
}

#[cfg(test)]
mod tests;
