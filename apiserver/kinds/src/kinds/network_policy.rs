//! Network policies: the traffic that may reach and leave pods.

mod validate;

use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyPort, NetworkPolicySpec};
use portcullis_api::ErrorList;

use crate::strategy::{Cell, Column, Strategy};
use crate::validation::labels::format_label_selector;
use crate::validation::list;
use crate::validation::twice;

/// The rules of network policies (upstream: `pkg/registry/networking/networkpolicy/strategy.go`).
pub struct NetworkPolicyStrategy;

impl Strategy for NetworkPolicyStrategy {
    type Kind = NetworkPolicy;

    fn default(&self, policy: &mut NetworkPolicy) {
        let spec = policy.spec.get_or_insert_default();
        // absent and null are equal: all pods of the namespace
        spec.pod_selector.get_or_insert_default();
        for port in ports(spec) {
            port.protocol.get_or_insert_with(|| "TCP".into());
        }
        // upstream: pkg/apis/networking/v1/defaults.go SetDefaults_NetworkPolicy
        if list(spec.policy_types.as_ref()).is_empty() {
            let mut types = vec!["Ingress".to_owned()];
            if !list(spec.egress.as_ref()).is_empty() {
                types.push("Egress".into());
            }
            spec.policy_types = Some(types);
        }
    }

    fn validate(&self, policy: &NetworkPolicy) -> ErrorList {
        let mut errors = ErrorList::new();
        if let Some(spec) = &policy.spec {
            validate::validate_spec(spec, &mut errors);
        }
        errors
    }

    fn validate_update(&self, policy: &NetworkPolicy, _: &NetworkPolicy) -> ErrorList {
        twice(self.validate(policy))
    }

    fn spec_changed(&self, policy: &NetworkPolicy, old: &NetworkPolicy) -> Option<bool> {
        Some(policy.spec != old.spec)
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 3] = [
            Column::NAME,
            Column::text(
                "Pod-Selector",
                "Selects the pods to which this NetworkPolicy object applies.  The array of ingress rules is applied to any pods selected by this field. Multiple network policies can select the same set of pods.  In this case, the ingress rules for each are combined additively. This field is NOT optional and follows standard label selector semantics. An empty podSelector matches all pods in this namespace.",
            ),
            Column::AGE,
        ];
        &COLUMNS
    }

    fn cells(&self, policy: &NetworkPolicy) -> Vec<Cell> {
        let selector = policy.spec.as_ref().and_then(|s| s.pod_selector.as_ref());
        vec![
            Cell::name(policy),
            Cell::text(format_label_selector(selector)),
            Cell::age(policy),
        ]
    }
}

fn ports(spec: &mut NetworkPolicySpec) -> impl Iterator<Item = &mut NetworkPolicyPort> {
    let ingress = spec.ingress.iter_mut().flatten().map(|r| &mut r.ports);
    let egress = spec.egress.iter_mut().flatten().map(|r| &mut r.ports);
    ingress.chain(egress).flatten().flatten()
}

#[cfg(test)]
mod tests;
