//! `LimitPodHardAntiAffinityTopology`: required anti-affinity is limited to single nodes, because
//! otherwise one pod could keep others out of a whole zone.
//!
//! Upstream: `plugin/pkg/admission/antiaffinity/admission.go`.

use async_trait::async_trait;
use portcullis_api::Status;

use crate::{Attributes, ValidatingPlugin};

const HOST_NAME: &str = "kubernetes.io/hostname";

#[derive(Debug)]
pub(crate) struct LimitPodHardAntiAffinityTopology;

#[async_trait]
impl ValidatingPlugin for LimitPodHardAntiAffinityTopology {
    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        if !attributes.is_pods() {
            return Ok(());
        }
        let affinity = attributes
            .pod()?
            .spec
            .as_ref()
            .and_then(|s| s.affinity.as_ref());
        let Some(anti) = affinity.and_then(|a| a.pod_anti_affinity.as_ref()) else {
            return Ok(());
        };
        let required = &anti.required_during_scheduling_ignored_during_execution;
        let keys = required.iter().flatten().map(|term| &term.topology_key);
        match keys.into_iter().find(|key| *key != HOST_NAME) {
            None => Ok(()),
            Some(key) => Err(attributes.forbidden(&format!(
                "affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey {key} but only key {HOST_NAME} is allowed"
            ))),
        }
    }
}
