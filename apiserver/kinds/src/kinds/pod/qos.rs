//! The quality of service of a pod, from its requests and limits (upstream:
//! `pkg/apis/core/helper/qos/qos.go`).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;
use portcullis_api::quantity::Quantity;

/// The resources that count.
const COMPUTE: [&str; 2] = ["cpu", "memory"];

type Amounts<'a> = BTreeMap<&'a str, Quantity>;

/// `Guaranteed`, `Burstable` or `BestEffort`.
pub(crate) fn class(spec: &PodSpec) -> &'static str {
    let mut requests = Amounts::new();
    let mut limits = Amounts::new();
    let mut guaranteed = true;
    let init = spec.init_containers.iter().flatten();
    for container in spec.containers.iter().chain(init) {
        add(amounts(container, |r| r.requests.as_ref()), &mut requests);
        let limited = add(amounts(container, |r| r.limits.as_ref()), &mut limits);
        guaranteed &= limited == COMPUTE.len();
    }
    if requests.is_empty() && limits.is_empty() {
        return "BestEffort";
    }
    let equal = requests.iter().all(|(name, r)| limits.get(name) == Some(r));
    if guaranteed && equal && requests.len() == limits.len() {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

fn amounts(
    container: &Container,
    of: impl Fn(&ResourceRequirements) -> Option<&BTreeMap<String, Text>>,
) -> Vec<(&str, Quantity)> {
    let resources = container.resources.as_ref();
    resources
        .and_then(of)
        .into_iter()
        .flatten()
        .filter(|(name, _)| COMPUTE.contains(&name.as_str()))
        .filter_map(|(name, amount)| Some((name.as_str(), Quantity::parse(&amount.0).ok()?)))
        .filter(|(_, amount)| *amount > Quantity::ZERO)
        .collect()
}

/// Adds up amounts, and returns how many there were.
fn add<'a>(amounts: Vec<(&'a str, Quantity)>, sums: &mut Amounts<'a>) -> usize {
    let count = amounts.len();
    for (name, amount) in amounts {
        let sum = sums.entry(name).or_insert(Quantity::ZERO);
        *sum = *sum + amount;
    }
    count
}
