//! `ResourceQuota`: what a namespace uses stays within its quotas.
//!
//! Upstream: `k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go`. A request is
//! charged to the quota's status before the object is stored; whoever recounts usage (the quota
//! controller) corrects what was charged for objects that never came to be. Requests of a namespace
//! are charged one after another; several servers meet in the compare-and-swap of [`QuotaLedger`].

mod pods;
mod scopes;
mod usage;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use k8s_openapi::api::core::v1::ResourceQuota;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Written;
use portcullis_api::Status;
use portcullis_api::quantity::Quantity;

use crate::lookup::{Lookup, QuotaLedger};
use crate::plugins::amounts::{Amounts, add, read};
use crate::{Attributes, Operation, ValidatingPlugin};
use usage::Kind;

/// How often a quota that somebody else charges at the same time is read again.
const ATTEMPTS: u32 = 10;

/// The plugin.
pub(crate) struct ResourceQuotas {
    quotas: Arc<dyn Lookup<ResourceQuota>>,
    ledger: Arc<dyn QuotaLedger>,
    /// A turn for every namespace.
    turns: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl ResourceQuotas {
    pub(crate) fn new(
        quotas: &Arc<dyn Lookup<ResourceQuota>>,
        ledger: &Arc<dyn QuotaLedger>,
    ) -> Self {
        Self {
            quotas: Arc::clone(quotas),
            ledger: Arc::clone(ledger),
            turns: Mutex::default(),
        }
    }

    fn turn(&self, namespace: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        // turns that nobody waits for are only in the map
        turns.retain(|name, turn| name == namespace || Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(namespace.to_owned()).or_default())
    }

    /// Charges the quotas, rereading those that changed meanwhile.
    async fn charge(
        &self,
        attributes: &Attributes<'_>,
        kind: &Kind<'_>,
        delta: &Amounts,
        mut quotas: Vec<Arc<ResourceQuota>>,
    ) -> Result<(), Status> {
        for _ in 0..ATTEMPTS {
            let charged = check(attributes, kind, delta, &quotas)?;
            if attributes.dry_run {
                return Ok(());
            }
            quotas.clear();
            for quota in charged {
                let name = quota.metadata.name.clone().unwrap_or_default();
                if !self.ledger.charge(quota).await? {
                    let again = self.quotas.get_live(attributes.namespace, &name).await?;
                    quotas.extend(again);
                }
            }
            if quotas.is_empty() {
                return Ok(());
            }
        }
        let names: Vec<_> = quotas
            .iter()
            .filter_map(|q| q.metadata.name.clone())
            .collect();
        let names = names.join(",");
        let why = format!("status of quota {names} could not be updated: it keeps changing");
        Err(Status::internal(why))
    }
}

#[async_trait]
impl ValidatingPlugin for ResourceQuotas {
    fn name(&self) -> &'static str {
        "ResourceQuota"
    }

    fn handles(&self, operation: Operation) -> bool {
        matches!(operation, Operation::Create | Operation::Update)
    }

    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        let is_namespace = attributes.kind.group.is_empty() && attributes.kind.kind == "Namespace";
        if attributes.namespace.is_empty() || is_namespace || !attributes.subresource.is_empty() {
            return Ok(());
        }
        let kind = Kind::of(attributes);
        if self.quotas.list(attributes.namespace).is_empty() || !kind.counts_at(attributes) {
            return Ok(());
        }
        let turn = self.turn(attributes.namespace);
        let _mine = turn.lock().await;
        let quotas = self.quotas.list(attributes.namespace);
        let Some(delta) = delta(attributes, &kind)? else {
            return check(attributes, &kind, &Amounts::new(), &quotas).map(drop);
        };
        self.charge(attributes, &kind, &delta, quotas).await
    }
}

/// What the request adds to the usage, if anything.
fn delta(attributes: &Attributes<'_>, kind: &Kind<'_>) -> Result<Option<Amounts>, Status> {
    let mut delta = kind.usage();
    let negative = delta.iter().filter(|(_, amount)| amount.is_negative());
    let negative: Vec<_> = negative.map(|(name, _)| name.as_str()).collect();
    if !negative.is_empty() {
        let names = negative.join(",");
        let why = format!("quota usage is negative for resource(s): {names}");
        return Err(attributes.forbidden(&why));
    }
    if let Some(old) = attributes.old_object {
        for (name, amount) in kind.usage_before(old) {
            let now = delta.get(&name).copied().unwrap_or(Quantity::ZERO);
            delta.insert(name, now - amount);
        }
    }
    delta.retain(|_, amount| !amount.is_zero());
    Ok((!delta.is_empty()).then_some(delta))
}

/// The quotas that change, with their new usage (upstream: `CheckRequest`).
fn check(
    attributes: &Attributes<'_>,
    kind: &Kind<'_>,
    delta: &Amounts,
    quotas: &[Arc<ResourceQuota>],
) -> Result<Vec<ResourceQuota>, Status> {
    let mut charged = Vec::new();
    for quota in quotas {
        let status = quota.status.as_ref();
        let hard = read(status.and_then(|s| s.hard.as_ref()));
        let used = read(status.and_then(|s| s.used.as_ref()));
        let counted: Vec<_> = hard.keys().filter(|name| kind.counts(name)).collect();
        if counted.is_empty() || !scopes::matches(quota, kind) {
            continue;
        }
        let name = quota.metadata.name.as_deref().unwrap_or_default();
        kind.constraints(&counted)
            .map_err(|why| attributes.forbidden(&format!("failed quota: {name}: {why}")))?;
        if counted.iter().any(|resource| !used.contains_key(*resource)) {
            let counted: Vec<_> = counted.into_iter().map(String::as_str).collect();
            let names = counted.join(",");
            let why = format!("status unknown for quota: {name}, resources: {names}");
            return Err(attributes.forbidden(&why));
        }
        let requested = delta
            .iter()
            .filter(|(resource, _)| hard.contains_key(*resource));
        let requested: Amounts = requested.map(|(k, v)| (k.clone(), *v)).collect();
        if requested.is_empty() {
            continue;
        }
        let mut total = used.clone();
        add(&mut total, requested.clone());
        within(name, &requested, &used, &total, &hard).map_err(|why| attributes.forbidden(&why))?;
        let mut quota = ResourceQuota::clone(quota);
        let written = total.into_iter().map(|(k, v)| (k, Written(v.to_string())));
        let written: BTreeMap<_, _> = written.collect();
        quota.status.get_or_insert_default().used = Some(written);
        charged.push(quota);
    }
    Ok(charged)
}

/// Whether what grows stays within bounds.
fn within(
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
    let print = |amounts: &Amounts| {
        let texts = exceeded.iter().filter_map(|name| {
            let amount = amounts.get(*name)?;
            Some(format!("{name}={amount}"))
        });
        texts.collect::<Vec<_>>().join(",")
    };
    let (requested, used, limited) = (print(requested), print(used), print(hard));
    Err(format!(
        "exceeded quota: {quota}, requested: {requested}, used: {used}, limited: {limited}"
    ))
}
