//! `TaintNodesByCondition`: no pods are scheduled to a new node before it is ready.
//!
//! Upstream: `plugin/pkg/admission/nodetaint/admission.go`.

use async_trait::async_trait;
use k8s_openapi::api::core::v1::{Node, Taint};
use portcullis_api::Status;

use crate::attributes::NODES;
use crate::{Attributes, MutatingPlugin};

const NOT_READY: &str = "node.kubernetes.io/not-ready";
const NO_SCHEDULE: &str = "NoSchedule";

#[derive(Debug)]
pub(crate) struct TaintNodesByCondition;

#[async_trait]
impl MutatingPlugin for TaintNodesByCondition {
    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), Status> {
        if attributes.resource != NODES || !attributes.subresource.is_empty() {
            return Ok(());
        }
        let node: &mut Node = attributes.typed_mut()?;
        let taints = node
            .spec
            .get_or_insert_default()
            .taints
            .get_or_insert_default();
        if !taints
            .iter()
            .any(|t| t.key == NOT_READY && t.effect == NO_SCHEDULE)
        {
            taints.push(Taint {
                key: NOT_READY.to_owned(),
                effect: NO_SCHEDULE.to_owned(),
                ..Taint::default()
            });
        }
        Ok(())
    }
}
