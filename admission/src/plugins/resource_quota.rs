//! `ResourceQuota`: keeps the usage of a namespace within its quotas.
//!
//! Upstream: `k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go`. A request is
//! charged to the quota's status before the object is stored; the quota controller recalculates the
//! usage, and so corrects charges for objects that were never stored. Requests of a namespace are
//! charged one after another; servers synchronize by the compare-and-swap of [`QuotaLedger`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::ResourceQuota;
use portcullis_api::quantity::Quantity;
use portcullis_api::{Object, Status};

use crate::amounts::{Amounts, add, read, write};
use crate::configuration::limited_resources::LimitedResource;
use crate::lookup::{Lookup, QuotaLedger};
use crate::quota::{Kind, Uncovered, constraints, is_measured, scopes};
use crate::{Attributes, ValidatingPlugin};

/// For waiting for the lock of the namespace, and for retries of conflicting charges.
const TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) struct ResourceQuotas {
    quotas: Arc<dyn Lookup<ResourceQuota>>,
    ledger: Arc<dyn QuotaLedger>,
    limited: Vec<LimitedResource>,
    /// Serializes charges, by namespace.
    locks: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl ResourceQuotas {
    pub(crate) fn new(
        quotas: &Arc<dyn Lookup<ResourceQuota>>,
        ledger: &Arc<dyn QuotaLedger>,
        limited: &[LimitedResource],
    ) -> Self {
        Self {
            quotas: Arc::clone(quotas),
            ledger: Arc::clone(ledger),
            limited: limited.to_vec(),
            locks: Mutex::default(),
        }
    }

    fn lock_of(&self, namespace: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        // drop locks that no request holds
        locks.retain(|name, lock| name == namespace || Arc::strong_count(lock) > 1);
        Arc::clone(locks.entry(namespace.to_owned()).or_default())
    }

    async fn check_and_charge(
        &self,
        attributes: &Attributes<'_>,
        object: &dyn Object,
        kind: &Kind<'_>,
    ) -> Result<(), Status> {
        let lock = self.lock_of(attributes.namespace);
        let _guard = lock.lock().await;
        let delta = delta(attributes, object, kind)?;
        let mut quotas = self.measured(attributes.namespace).await?;
        loop {
            let uncovered = Uncovered::of(&self.limited, attributes, object, kind);
            let charged = check(attributes, object, kind, &delta, &quotas, uncovered)?;
            if attributes.dry_run {
                return Ok(());
            }
            quotas.clear();
            for quota in charged {
                let name = quota.metadata.name.clone().unwrap_or_default();
                if !self.ledger.charge(quota).await? {
                    let current = self.quotas.get_live(attributes.namespace, &name).await?;
                    quotas.extend(current);
                }
            }
            if quotas.is_empty() {
                return Ok(());
            }
        }
    }

    /// The quotas of a namespace. The usage of a new quota is calculated here, so that it is
    /// enforced before the controller has processed it.
    async fn measured(&self, namespace: &str) -> Result<Vec<Arc<ResourceQuota>>, Status> {
        let mut quotas = Vec::new();
        for quota in self.quotas.list(namespace) {
            if is_measured(&quota) {
                quotas.push(quota);
            } else {
                quotas.extend(self.ledger.measure(&quota).await?);
            }
        }
        Ok(quotas)
    }
}

#[async_trait]
impl ValidatingPlugin for ResourceQuotas {
    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        let is_namespace = attributes.kind.group.is_empty() && attributes.kind.kind == "Namespace";
        if attributes.namespace.is_empty() || is_namespace || !attributes.subresource.is_empty() {
            return Ok(());
        }
        let Some(object) = attributes.object.as_deref() else {
            return Ok(());
        };
        let kind = Kind::of(attributes.resource);
        let is_limited = self.limited.iter().any(|l| l.is_of(attributes.resource));
        if !kind.changes_at(attributes.operation)
            || !is_limited && self.quotas.list(attributes.namespace).is_empty()
        {
            return Ok(());
        }
        let charged = self.check_and_charge(attributes, object, &kind);
        let charged = tokio::time::timeout(TIMEOUT, charged).await;
        charged.unwrap_or_else(|_| Err(Status::internal("resource quota evaluation timed out")))
    }
}

/// What the request adds to the usage. An update that reduces usage is not credited, because it may
/// still fail; the controller recalculates it later.
fn delta(
    attributes: &Attributes<'_>,
    object: &dyn Object,
    kind: &Kind<'_>,
) -> Result<Amounts, Status> {
    let mut delta = kind.usage(object);
    let negative = delta.iter().filter(|(_, amount)| amount.is_negative());
    let negative: Vec<_> = negative.map(|(name, _)| name.as_str()).collect();
    if !negative.is_empty() {
        let names = negative.join(",");
        let why = format!("quota usage is negative for resource(s): {names}");
        return Err(attributes.forbidden(&why));
    }
    if let Some(old) = attributes.old_object {
        for (name, amount) in kind.usage(old) {
            let new = delta.get(&name).copied().unwrap_or(Quantity::ZERO);
            delta.insert(name, new - amount);
        }
    }
    delta.retain(|_, amount| !amount.is_zero() && !amount.is_negative());
    Ok(delta)
}

/// The quotas whose usage changes, with the new usage (upstream: `CheckRequest`).
fn check(
    attributes: &Attributes<'_>,
    object: &dyn Object,
    kind: &Kind<'_>,
    delta: &Amounts,
    quotas: &[Arc<ResourceQuota>],
    mut uncovered: Uncovered,
) -> Result<Vec<ResourceQuota>, Status> {
    let mut counting = Vec::new();
    for quota in quotas {
        uncovered.cover_scopes(quota, object);
        let status = quota.status.as_ref();
        let hard = read(status.and_then(|s| s.hard.as_ref()));
        let used = read(status.and_then(|s| s.used.as_ref()));
        let counted: Vec<_> = hard.keys().filter(|name| kind.counts(name)).collect();
        if counted.is_empty() || !scopes::matches(quota, object) {
            continue;
        }
        let name = quota.metadata.name.as_deref().unwrap_or_default();
        constraints(object, &counted)
            .map_err(|why| attributes.forbidden(&format!("failed quota: {name}: {why}")))?;
        if counted.iter().any(|resource| !used.contains_key(*resource)) {
            let counted: Vec<_> = counted.into_iter().map(String::as_str).collect();
            let names = counted.join(",");
            let why = format!("status unknown for quota: {name}, resources: {names}");
            return Err(attributes.forbidden(&why));
        }
        uncovered.cover(&counted);
        counting.push((quota, hard, used));
    }
    if !delta.is_empty() {
        uncovered.check(attributes)?;
    }
    let mut charged = Vec::new();
    for (quota, hard, used) in counting {
        let total = charge(quota, delta, &used, &hard).map_err(|why| attributes.forbidden(&why))?;
        if let Some(total) = total {
            let mut quota = ResourceQuota::clone(quota);
            quota.status.get_or_insert_default().used = Some(write(&total));
            charged.push(quota);
        }
    }
    Ok(charged)
}

/// The usage with what a request adds; `None` if the quota counts nothing of that.
fn charge(
    quota: &ResourceQuota,
    delta: &Amounts,
    used: &Amounts,
    hard: &Amounts,
) -> Result<Option<Amounts>, String> {
    let requested = delta
        .iter()
        .filter(|(resource, _)| hard.contains_key(*resource));
    let requested: Amounts = requested.map(|(k, v)| (k.clone(), *v)).collect();
    if requested.is_empty() {
        return Ok(None);
    }
    let mut total = used.clone();
    add(&mut total, requested.clone());
    let name = quota.metadata.name.as_deref().unwrap_or_default();
    check_total(name, &requested, used, &total, hard)?;
    Ok(Some(total))
}

/// An error if the total of a requested resource exceeds the quota.
fn check_total(
    quota: &str,
    requested: &Amounts,
    used: &Amounts,
    total: &Amounts,
    hard: &Amounts,
) -> Result<(), String> {
    let is_exceeded = |name: &String| total.get(name) > hard.get(name);
    let exceeded: Vec<_> = requested.keys().filter(|name| is_exceeded(name)).collect();
    if exceeded.is_empty() {
        return Ok(());
    }
    let format = |amounts: &Amounts| {
        let texts = exceeded.iter().filter_map(|name| {
            let amount = amounts.get(*name)?;
            Some(format!("{name}={amount}"))
        });
        texts.collect::<Vec<_>>().join(",")
    };
    let (requested, used, limited) = (format(requested), format(used), format(hard));
    Err(format!(
        "exceeded quota: {quota}, requested: {requested}, used: {used}, limited: {limited}"
    ))
}
