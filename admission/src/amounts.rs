//! Arithmetic on amounts of resources by name: `cpu`, `memory`, `example.com/gpu`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Pod, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as TextQuantity;
use portcullis_api::quantity::Quantity;

/// A resource list of an object, with unparsed quantities.
pub(crate) type Resources = BTreeMap<String, TextQuantity>;

/// Parsed quantities. Invalid ones are left out, as validation has already rejected them.
pub(crate) type Amounts = BTreeMap<String, Quantity>;

/// The requests and limits of containers.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    pub(crate) requests: Amounts,
    pub(crate) limits: Amounts,
}

pub(crate) fn read(resources: Option<&Resources>) -> Amounts {
    let parse = |(name, text): (&String, &TextQuantity)| {
        let amount = Quantity::parse(&text.0).ok()?;
        Some((name.clone(), amount))
    };
    resources.into_iter().flatten().filter_map(parse).collect()
}

/// Formats amounts canonically, for an object.
pub(crate) fn write(amounts: &Amounts) -> Resources {
    let formatted = amounts
        .iter()
        .map(|(name, amount)| (name.clone(), TextQuantity(amount.to_string())));
    formatted.collect()
}

impl Usage {
    pub(crate) fn of(resources: Option<&ResourceRequirements>) -> Self {
        Self {
            requests: read(resources.and_then(|r| r.requests.as_ref())),
            limits: read(resources.and_then(|r| r.limits.as_ref())),
        }
    }

    /// The usage of a pod, per resource: the sum of its containers, or its largest init container
    /// if that is more.
    pub(crate) fn of_pod(pod: &Pod) -> Self {
        let mut total = Self::default();
        let Some(spec) = &pod.spec else { return total };
        let of = |container: &Container| Self::of(container.resources.as_ref());
        for usage in spec.containers.iter().map(of) {
            add(&mut total.requests, usage.requests);
            add(&mut total.limits, usage.limits);
        }
        for usage in spec.init_containers.iter().flatten().map(of) {
            merge(&mut total.requests, usage.requests, Ord::max);
            merge(&mut total.limits, usage.limits, Ord::max);
        }
        total
    }
}

/// Adds `more` to `total`, resource by resource.
pub(crate) fn add(total: &mut Amounts, more: Amounts) {
    merge(total, more, |sum, more| sum + more);
}

fn merge(total: &mut Amounts, more: Amounts, combine: fn(Quantity, Quantity) -> Quantity) {
    for (name, amount) in more {
        let current = total.get(&name).copied();
        total.insert(
            name,
            current.map_or(amount, |current| combine(current, amount)),
        );
    }
}

/// Whether this is an extended resource, such as `example.com/gpu` (upstream:
/// `IsExtendedResourceName`).
pub(crate) fn is_extended(name: &str) -> bool {
    name.contains('/') && !name.contains("kubernetes.io/") && !name.starts_with("requests.")
}
