//! The distribution of addresses to slices: as few slices as possible are changed, since watchers receive
//! each changed one (upstream: `reconciler.go` in `k8s.io/endpointslice`).

use std::collections::HashMap;

use k8s_openapi::api::discovery::v1::{Endpoint, EndpointPort, EndpointSlice};

/// The most addresses of a slice (upstream: `--max-endpoints-per-slice`).
const MAX: usize = 100;

/// The family and ports of a slice.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::services) struct Group {
    /// `IPv4` or `IPv6`.
    pub(in crate::services) family: String,
    /// The ports.
    pub(in crate::services) ports: Vec<EndpointPort>,
}

/// The changes to the slices of a service.
#[derive(Debug, Default)]
pub(in crate::services) struct Plan {
    /// Those that stay, with their desired addresses.
    pub(in crate::services) kept: Vec<(EndpointSlice, Vec<Endpoint>)>,
    /// New ones.
    pub(in crate::services) made: Vec<(Group, Vec<Endpoint>)>,
    /// Those to delete.
    pub(in crate::services) gone: Vec<EndpointSlice>,
}

impl Plan {
    /// The plan from the existing slices to the desired addresses.
    pub(in crate::services) fn of(
        wanted: Vec<(Group, Vec<Endpoint>)>,
        mut existing: Vec<EndpointSlice>,
    ) -> Self {
        let mut plan = Self::default();
        // a slice that is being deleted is not filled again
        existing.retain(|slice| slice.metadata.deletion_timestamp.is_none());
        existing.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
        for (group, endpoints) in wanted {
            let (ours, others) = existing.into_iter().partition(|slice| holds(slice, &group));
            existing = others;
            plan.add(&group, endpoints, ours);
        }
        plan.gone.extend(existing);
        plan
    }

    fn add(&mut self, group: &Group, endpoints: Vec<Endpoint>, slices: Vec<EndpointSlice>) {
        let stays_empty = endpoints.is_empty();
        let mut wanted = Wanted::new(endpoints);
        let mut kept: Vec<(EndpointSlice, Vec<Endpoint>)> = slices
            .into_iter()
            .map(|slice| {
                let held = wanted.take(&slice);
                (slice, held)
            })
            .collect();
        let mut endpoints = wanted.rest();
        // addresses without a slice are put where least room is left, so that few slices are created
        kept.sort_by_key(|(_, held)| std::cmp::Reverse(held.len()));
        for (_, held) in &mut kept {
            let room = MAX.saturating_sub(held.len()).min(endpoints.len());
            held.extend(endpoints.drain(..room));
        }
        let mut placeholder = stays_empty;
        for (slice, held) in kept {
            // one empty slice shows that there are no addresses
            if held.is_empty() && !std::mem::take(&mut placeholder) {
                self.gone.push(slice);
            } else {
                self.kept.push((slice, held));
            }
        }
        let chunks = endpoints.chunks(MAX).map(<[Endpoint]>::to_vec);
        let chunks = chunks.chain(placeholder.then(Vec::new));
        self.made.extend(chunks.map(|chunk| (group.clone(), chunk)));
    }
}

/// Whether a slice belongs to a group. Missing ports may be written as null or as an empty list.
fn holds(slice: &EndpointSlice, group: &Group) -> bool {
    let ports = slice.ports.as_deref().unwrap_or_default();
    slice.address_type == group.family && ports == group.ports
}

/// An address, and the uid of its pod.
type Identity = (Vec<String>, Option<String>);

fn identity(endpoint: &Endpoint) -> Identity {
    let uid = endpoint.target_ref.as_ref().and_then(|pod| pod.uid.clone());
    (endpoint.addresses.clone(), uid)
}

/// The addresses without a slice, in order.
struct Wanted {
    endpoints: Vec<Option<Endpoint>>,
    at: HashMap<Identity, usize>,
}

impl Wanted {
    fn new(endpoints: Vec<Endpoint>) -> Self {
        let numbered = endpoints.iter().enumerate();
        Self {
            at: numbered
                .map(|(at, endpoint)| (identity(endpoint), at))
                .collect(),
            endpoints: endpoints.into_iter().map(Some).collect(),
        }
    }

    /// Removes the addresses that a slice holds already, in their new state.
    fn take(&mut self, slice: &EndpointSlice) -> Vec<Endpoint> {
        let held = slice.endpoints.iter().flatten();
        let held = held.filter_map(|endpoint| {
            let at = self.at.get(&identity(endpoint))?;
            self.endpoints.get_mut(*at)?.take()
        });
        held.take(MAX).collect()
    }

    fn rest(self) -> Vec<Endpoint> {
        self.endpoints.into_iter().flatten().collect()
    }
}
