//! What is counted of other servers.
//!
//! Upstream: `kube-aggregator/pkg/controllers/status/metrics`.

use std::sync::Arc;

use portcullis_kinds::kinds::api_service::is_available;
use portcullis_registry::api_services::ApiServices;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntCounterVec, IntGaugeVec, Opts};

/// Why a server is not available: the reasons of upstream's.
const REASONS: [&str; 6] = [
    "ServiceNotFound",
    "ServicePortError",
    "EndpointsNotFound",
    "MissingEndpoints",
    "FailedDiscoveryCheck",
    "ServiceAccessError",
];

/// How often servers became unavailable.
pub(super) struct Losses(pub(super) IntCounterVec);

impl Default for Losses {
    fn default() -> Self {
        let losses = Opts::new(
            "aggregator_unavailable_apiservice_total",
            "How often API services became unavailable, by name and reason.",
        );
        let losses = IntCounterVec::new(losses, &["name", "reason"]);
        Self(losses.expect("these names are valid"))
    }
}

impl Losses {
    pub(super) fn count(&self, name: &str, reason: &str) {
        if let Some(reason) = REASONS.iter().find(|known| **known == reason) {
            self.0.with_label_values(&[name, reason]).inc();
        }
    }

    /// Forgets an API service that is gone: its name need not be counted for ever.
    pub(super) fn forget(&self, name: &str) {
        for reason in REASONS {
            // most have never been counted
            let _ = self.0.remove_label_values(&[name, reason]);
        }
    }
}

/// Which API services are not available, found when it is asked for.
pub struct Unavailable {
    known: Arc<ApiServices>,
    empty: IntGaugeVec,
}

impl Unavailable {
    /// Of these API services.
    pub fn new(known: Arc<ApiServices>) -> Self {
        let empty = gauges();
        Self { known, empty }
    }
}

fn gauges() -> IntGaugeVec {
    let unavailable = Opts::new(
        "aggregator_unavailable_apiservice",
        "Whether API services are unavailable, by name.",
    );
    IntGaugeVec::new(unavailable, &["name"]).expect("these names are valid")
}

impl Collector for Unavailable {
    fn desc(&self) -> Vec<&Desc> {
        self.empty.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let gauges = gauges();
        for service in self.known.current().all() {
            let name = service.metadata.name.as_deref().unwrap_or_default();
            let gauge = gauges.with_label_values(&[name]);
            gauge.set((!is_available(service)).into());
        }
        gauges.collect()
    }
}
