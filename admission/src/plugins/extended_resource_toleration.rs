//! `ExtendedResourceToleration`: pods that request an extended resource tolerate the taint that
//! reserves nodes for it.
//!
//! Upstream: `plugin/pkg/admission/extendedresourcetoleration/admission.go`.

use std::collections::BTreeSet;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Toleration;
use portcullis_api::Status;

use crate::amounts::is_extended;
use crate::plugins::tolerations;
use crate::{Attributes, MutatingPlugin};

#[derive(Debug)]
pub(crate) struct ExtendedResourceToleration;

#[async_trait]
impl MutatingPlugin for ExtendedResourceToleration {
    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), Status> {
        if !attributes.is_pods() {
            return Ok(());
        }
        let spec = attributes.pod_mut()?.spec.get_or_insert_default();
        let containers = spec.init_containers.iter().flatten();
        let requests = containers
            .chain(&spec.containers)
            .filter_map(|container| container.resources.as_ref()?.requests.as_ref());
        let names = requests.flat_map(|requests| requests.keys());
        let extended: BTreeSet<_> = names.filter(|name| is_extended(name)).cloned().collect();
        for name in extended {
            let toleration = Toleration {
                key: Some(name),
                operator: Some("Exists".to_owned()),
                effect: Some("NoSchedule".to_owned()),
                ..Toleration::default()
            };
            tolerations::add_or_update(spec, toleration);
        }
        Ok(())
    }
}
