//! `DefaultTolerationSeconds`: pods are evicted after five minutes from nodes that are not ready or
//! unreachable.
//!
//! Upstream: `plugin/pkg/admission/defaulttolerationseconds/admission.go`.

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Toleration;
use portcullis_api::Status;

use crate::{Attributes, MutatingPlugin};

const TAINTS: [&str; 2] = [
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
];
const SECONDS: i64 = 300;

#[derive(Debug)]
pub(crate) struct DefaultTolerationSeconds;

#[async_trait]
impl MutatingPlugin for DefaultTolerationSeconds {
    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), Status> {
        if !attributes.is_pods() {
            return Ok(());
        }
        let spec = attributes.pod_mut()?.spec.get_or_insert_default();
        for taint in TAINTS {
            let mut tolerations = spec.tolerations.iter().flatten();
            if !tolerations.any(|toleration| tolerates(toleration, taint)) {
                let tolerations = spec.tolerations.get_or_insert_default();
                tolerations.push(toleration_of(taint));
            }
        }
        Ok(())
    }
}

/// An empty key matches all taints, an empty effect all effects.
fn tolerates(toleration: &Toleration, taint: &str) -> bool {
    let key = toleration.key.as_deref().unwrap_or_default();
    let effect = toleration.effect.as_deref().unwrap_or_default();
    (key.is_empty() || key == taint) && (effect.is_empty() || effect == "NoExecute")
}

fn toleration_of(taint: &str) -> Toleration {
    Toleration {
        key: Some(taint.to_owned()),
        operator: Some("Exists".to_owned()),
        effect: Some("NoExecute".to_owned()),
        toleration_seconds: Some(SECONDS),
        value: None,
    }
}
