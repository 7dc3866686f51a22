//! Priority levels: how many requests of a kind may be carried out at once. They are kept, and do not
//! decide: see `docs/differences.md`.

pub mod v1beta2;
mod validate;

use k8s_openapi::api::flowcontrol::v1::{
    LimitedPriorityLevelConfiguration, PriorityLevelConfiguration,
};
use portcullis_api::{ErrorList, Path};

use super::flow_schema::validate_condition_types;
use crate::strategy::{Cell, Column, MetadataChecks, Strategy};
use crate::validation::list;

/// What a level has unless it says otherwise (upstream: `pkg/apis/flowcontrol/v1/defaults.go`).
const SHARES: i32 = 30;
const QUEUES: i32 = 64;
const HAND_SIZE: i32 = 8;
const QUEUE_LENGTH: i32 = 50;

/// The rules of priority levels (upstream: `pkg/registry/flowcontrol/prioritylevelconfiguration/strategy.go`).
pub struct PriorityLevelConfigurationStrategy;

impl Strategy for PriorityLevelConfigurationStrategy {
    type Kind = PriorityLevelConfiguration;

    fn metadata_checks(&self) -> MetadataChecks {
        MetadataChecks::MOST.changing(1, 0)
    }

    fn default(&self, level: &mut PriorityLevelConfiguration) {
        let spec = &mut level.spec;
        if let Some(exempt) = &mut spec.exempt {
            exempt.nominal_concurrency_shares.get_or_insert(0);
            exempt.lendable_percent.get_or_insert(0);
        }
        if let Some(limited) = &mut spec.limited {
            default_limited(limited);
        }
        level.status.get_or_insert_default();
    }

    fn prepare_for_create(&self, level: &mut PriorityLevelConfiguration) {
        level.status = Some(Default::default());
    }

    fn prepare_for_update(
        &self,
        level: &mut PriorityLevelConfiguration,
        old: &PriorityLevelConfiguration,
    ) {
        level.status.clone_from(&old.status);
    }

    fn validate(&self, level: &PriorityLevelConfiguration) -> ErrorList {
        validate::validate(level)
    }

    fn prepare_status_update(
        &self,
        level: &mut PriorityLevelConfiguration,
        old: &PriorityLevelConfiguration,
    ) {
        level.spec.clone_from(&old.spec);
    }

    fn validate_status_update(
        &self,
        level: &PriorityLevelConfiguration,
        _: &PriorityLevelConfiguration,
    ) -> ErrorList {
        let status = level.status.as_ref();
        let conditions = list(status.and_then(|status| status.conditions.as_ref()));
        let types = conditions.iter().map(|condition| condition.type_.as_str());
        let mut errors = ErrorList::new();
        let path = Path::new("status").child("conditions");
        validate_condition_types(types, &path, &mut errors);
        errors
    }

    fn spec_changed(
        &self,
        level: &PriorityLevelConfiguration,
        old: &PriorityLevelConfiguration,
    ) -> Option<bool> {
        Some(level.spec != old.spec)
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn cells(&self, level: &PriorityLevelConfiguration) -> Vec<Cell> {
        let spec = &level.spec;
        let limited = spec.limited.as_ref();
        let queuing = limited.and_then(|limited| limited.limit_response.queuing.as_ref());
        let shown = |number: Option<i32>| {
            let number = number.map(|number| number.to_string());
            Cell::text(number.unwrap_or_else(|| "<none>".to_owned()))
        };
        vec![
            Cell::name(level),
            Cell::text(spec.type_.clone()),
            shown(limited.and_then(|limited| limited.nominal_concurrency_shares)),
            shown(queuing.and_then(|queuing| queuing.queues)),
            shown(queuing.and_then(|queuing| queuing.hand_size)),
            shown(queuing.and_then(|queuing| queuing.queue_length_limit)),
            Cell::age(level),
        ]
    }
}

fn default_limited(limited: &mut LimitedPriorityLevelConfiguration) {
    limited.nominal_concurrency_shares.get_or_insert(SHARES);
    limited.lendable_percent.get_or_insert(0);
    if let Some(queuing) = &mut limited.limit_response.queuing {
        for (field, default) in [
            (&mut queuing.queues, QUEUES),
            (&mut queuing.hand_size, HAND_SIZE),
            (&mut queuing.queue_length_limit, QUEUE_LENGTH),
        ] {
            if field.unwrap_or_default() == 0 {
                *field = Some(default);
            }
        }
    }
}

static COLUMNS: [Column; 7] = [
    Column::NAME,
    Column::text(
        "Type",
        "`type` indicates whether this priority level is subject to limitation on request execution.  A value of `\"Exempt\"` means that requests of this priority level are not subject to a limit (and thus are never queued) and do not detract from the capacity made available to other priority levels.  A value of `\"Limited\"` means that (a) requests of this priority level _are_ subject to limits and (b) some of the server's limited capacity is made available exclusively to this priority level. Required.",
    ),
    Column::text(
        "NominalConcurrencyShares",
        "`nominalConcurrencyShares` (NCS) contributes to the computation of the NominalConcurrencyLimit (NominalCL) of this level.",
    ),
    Column::text(
        "Queues",
        "`queues` is the number of queues for this priority level. The queues exist independently at each apiserver. The value must be positive.",
    ),
    Column::text(
        "HandSize",
        "`handSize` is a small positive number that configures the shuffle sharding of requests into queues.",
    ),
    Column::text(
        "QueueLengthLimit",
        "`queueLengthLimit` is the maximum number of requests allowed to be waiting in a given queue of this priority level at a time.",
    ),
    Column::AGE,
];

#[cfg(test)]
mod tests;
