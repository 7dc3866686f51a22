//! Type-checks the expressions of admission policies against their kinds, and writes the result into their
//! status (upstream: `pkg/controller/validatingadmissionpolicystatus`).

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::admissionregistration::v1::{
    TypeChecking, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyStatus,
};
use portcullis_api::status::Reason;
use portcullis_api::{Status, UserInfo};
use portcullis_kinds::table;
use portcullis_kinds::type_check::type_check;
use portcullis_registry::{Registry, Scope, codec};
use portcullis_storage::ReadAt;

use crate::edit::edit;
use crate::follow::follow;
use crate::queue::Queue;

const NAME: &str = "validatingadmissionpolicy-status-controller";
/// How many policies are checked concurrently.
const AT_ONCE: usize = 4;

/// Runs until the server stops.
pub async fn run(registry: Arc<Registry>) {
    let user = UserInfo::service_account("kube-system", NAME);
    let policies = table::VALIDATING_ADMISSION_POLICIES;
    let seen = follow::<ValidatingAdmissionPolicy>(registry.clone(), user.clone(), policies);
    let queue =
        Queue::default().counted("validatingadmissionpolicy-status", registry.work_queues());
    let watch = seen.for_each(|seen| {
        let name = seen.object.metadata.name.clone().unwrap_or_default();
        if !seen.gone && is_due(&seen.object) {
            queue.add(name.into(), Duration::ZERO);
        }
        std::future::ready(())
    });
    let work = queue.serve(AT_ONCE, |name| {
        let (registry, user) = (registry.clone(), user.clone());
        async move { check(&registry, &user, &name).await.map(|()| true) }
    });
    tokio::join!(watch, work);
}

/// Whether a policy has changed since it was checked.
fn is_due(policy: &ValidatingAdmissionPolicy) -> bool {
    let status = policy.status.as_ref();
    let observed = status.and_then(|status| status.observed_generation);
    policy.metadata.generation.unwrap_or_default() > observed.unwrap_or_default()
}

/// Checks a policy, and writes the result into its status.
async fn check(registry: &Registry, user: &UserInfo, name: &str) -> Result<(), Status> {
    let scope = Scope::all(table::VALIDATING_ADMISSION_POLICIES, user).named("", name);
    let entry = match registry.get(&scope, ReadAt::Latest).await {
        Err(status) if status.reason == Some(Reason::NotFound) => return Ok(()),
        found => found?,
    };
    let object = codec::object(scope.resource, &entry)?;
    let Some(policy) = object
        .as_kind::<ValidatingAdmissionPolicy>()
        .filter(|p| is_due(p))
    else {
        return Ok(());
    };
    let generation = policy.metadata.generation;
    let (spec, catalogue) = (policy.spec.clone(), registry.catalogue());
    // large kinds take milliseconds
    let warnings = tokio::task::spawn_blocking(move || {
        spec.map(|spec| type_check(&spec, &catalogue))
            .unwrap_or_default()
    });
    let warnings = warnings.await.map_err(Status::internal)?;
    let checked = TypeChecking {
        expression_warnings: (!warnings.is_empty()).then_some(warnings),
    };
    let scope = Scope {
        subresource: "status",
        ..scope
    };
    let write = |policy: &mut ValidatingAdmissionPolicy| {
        // a policy that has changed meanwhile is checked again
        if policy.metadata.generation == generation {
            policy.status = Some(ValidatingAdmissionPolicyStatus {
                observed_generation: generation,
                type_checking: Some(checked.clone()),
                conditions: policy.status.take().and_then(|status| status.conditions),
            });
        }
    };
    edit(registry, &scope, write).await.map(drop)
}
