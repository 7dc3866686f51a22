//! The betas: `v1beta1` and `v1beta2` call the shares of a level otherwise, and in none of them is a share of zero
//! said by a field.
//!
//! Upstream: `pkg/apis/flowcontrol/v1beta2` and `pkg/apis/flowcontrol/v1beta3`, conversion.go.

#![allow(
    clippy::doc_markdown,
    reason = "`kubectl explain` prints these comments, and knows no Markdown"
)]

use k8s_openapi::api::flowcontrol::v1 as stored;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
#[cfg(feature = "schemas")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::version::{Version, kind};

/// The annotation of a level whose shares are zero, which the betas have no other way to say.
const ZERO_SHARES: &str = "flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares";

/// How many requests may be carried out at once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.flowcontrol.v1beta2.PriorityLevelConfiguration")
)]
pub struct PriorityLevelConfiguration {
    /// Name, labels, annotations.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: PriorityLevelConfigurationSpec,
    /// What is.
    pub status: Option<stored::PriorityLevelConfigurationStatus>,
}

kind!(
    PriorityLevelConfiguration,
    "flowcontrol.apiserver.k8s.io",
    "v1beta2",
    "prioritylevelconfigurations",
    ClusterResourceScope
);

/// What is wanted of a level.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.flowcontrol.v1beta2.PriorityLevelConfigurationSpec")
)]
pub struct PriorityLevelConfigurationSpec {
    /// Limited, or Exempt from all limits.
    #[serde(rename = "type")]
    pub type_: String,
    /// The limits of a level that is Limited.
    pub limited: Option<LimitedPriorityLevelConfiguration>,
    /// What a level that is Exempt lends to others.
    pub exempt: Option<stored::ExemptPriorityLevelConfiguration>,
}

/// The limits of a level.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(
    default,
    rename_all = "camelCase",
    rename = "v1beta2.LimitedPriorityLevelConfiguration"
)]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.flowcontrol.v1beta2.LimitedPriorityLevelConfiguration")
)]
pub struct LimitedPriorityLevelConfiguration {
    /// Its part of what the server can carry out at once, among those of other levels; 30 if not given.
    pub assured_concurrency_shares: Option<i32>,
    /// What becomes of requests for which there is no room.
    pub limit_response: stored::LimitResponse,
    /// How much of it other levels may borrow, in percent.
    pub lendable_percent: Option<i32>,
    /// How much it may borrow of others, in percent of its own.
    pub borrowing_limit_percent: Option<i32>,
}

/// `v1beta1` and `v1beta2`.
pub struct V1Beta2;

impl Version for V1Beta2 {
    type Stored = stored::PriorityLevelConfiguration;
    type Served = PriorityLevelConfiguration;

    fn to_stored(served: &PriorityLevelConfiguration) -> stored::PriorityLevelConfiguration {
        let limited = |limited: &LimitedPriorityLevelConfiguration| {
            stored::LimitedPriorityLevelConfiguration {
                nominal_concurrency_shares: limited.assured_concurrency_shares,
                limit_response: limited.limit_response.clone(),
                lendable_percent: limited.lendable_percent,
                borrowing_limit_percent: limited.borrowing_limit_percent,
            }
        };
        let spec = &served.spec;
        V1Beta3::to_stored(&stored::PriorityLevelConfiguration {
            metadata: served.metadata.clone(),
            spec: stored::PriorityLevelConfigurationSpec {
                type_: spec.type_.clone(),
                limited: spec.limited.as_ref().map(limited),
                exempt: spec.exempt.clone(),
            },
            status: served.status.clone(),
        })
    }

    fn to_served(stored: &stored::PriorityLevelConfiguration) -> PriorityLevelConfiguration {
        let stored = V1Beta3::to_served(stored);
        let limited = |limited: stored::LimitedPriorityLevelConfiguration| {
            LimitedPriorityLevelConfiguration {
                assured_concurrency_shares: limited.nominal_concurrency_shares,
                limit_response: limited.limit_response,
                lendable_percent: limited.lendable_percent,
                borrowing_limit_percent: limited.borrowing_limit_percent,
            }
        };
        PriorityLevelConfiguration {
            metadata: stored.metadata,
            spec: PriorityLevelConfigurationSpec {
                type_: stored.spec.type_,
                limited: stored.spec.limited.map(limited),
                exempt: stored.spec.exempt,
            },
            status: stored.status,
        }
    }
}

/// `v1beta3`, in which zero shares are as if none were given, unless an annotation says that they are meant.
pub struct V1Beta3;

impl Version for V1Beta3 {
    type Stored = stored::PriorityLevelConfiguration;
    type Served = stored::PriorityLevelConfiguration;

    fn to_stored(
        served: &stored::PriorityLevelConfiguration,
    ) -> stored::PriorityLevelConfiguration {
        let mut stored = served.clone();
        let annotations = stored.metadata.annotations.as_mut();
        let annotated = annotations.and_then(|annotations| annotations.remove(ZERO_SHARES));
        if let Some(limited) = &mut stored.spec.limited {
            let shares = limited.nominal_concurrency_shares.unwrap_or_default();
            let zero = annotated.map(|_| 0);
            limited.nominal_concurrency_shares = if shares == 0 { zero } else { Some(shares) };
        }
        stored
    }

    fn to_served(
        stored: &stored::PriorityLevelConfiguration,
    ) -> stored::PriorityLevelConfiguration {
        let mut served = stored.clone();
        let limited = served.spec.limited.as_ref();
        if limited.is_some_and(|limited| limited.nominal_concurrency_shares == Some(0)) {
            let annotations = served.metadata.annotations.get_or_insert_default();
            annotations.insert(ZERO_SHARES.to_owned(), String::new());
        }
        served
    }
}
