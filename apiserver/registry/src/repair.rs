//! Finds numbers that are taken but unused, after a crash, and numbers that are used but not taken, after a
//! restore (upstream: `pkg/registry/core/service/ipallocator/controller/repair.go`).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Service;
use portcullis_storage::{ListRequest, ReadAt};

use crate::codec;
use crate::ranges::{Bitmap, Numbers, Pool, PoolError, ServiceRanges};
use crate::registry::Registry;
use portcullis_kinds::table::SERVICES;

/// How often a number must be found unused before it is released: its service may just be about to be stored.
const PATIENCE: u8 = 3;
/// How many attempts are made if the range is changed meanwhile.
const ATTEMPTS: usize = 5;

/// The unused numbers, and how often each was found.
#[derive(Debug, Default)]
pub struct Leaks {
    addresses: BTreeMap<usize, u8>,
    ports: BTreeMap<usize, u8>,
}

impl ServiceRanges {
    /// Brings the ranges in line with the stored services.
    ///
    /// # Errors
    /// A sentence with the error of the store.
    pub async fn repair(&self, registry: &Registry, leaks: &mut Leaks) -> Result<(), String> {
        let repaired = async {
            let Leaks { addresses, ports } = leaks;
            let pool = self.address_pool();
            repair(self, pool, |n| n.addresses, registry, addresses).await?;
            repair(self, self.port_pool(), |n| n.ports, registry, ports).await
        };
        repaired.await.map_err(|e| e.to_string())
    }
}

async fn repair(
    ranges: &ServiceRanges,
    pool: &Pool,
    of_pool: fn(Numbers) -> Vec<usize>,
    registry: &Registry,
    leaks: &mut BTreeMap<usize, u8>,
) -> Result<(), PoolError> {
    for _ in 0..ATTEMPTS {
        // in this order: any number taken after the range was read makes the write below fail
        let mut snapshot = pool.read().await?;
        let same_range = snapshot.range == pool.spec();
        let mut used = Bitmap::default();
        let held = held(ranges, registry).await?;
        for numbers in held.known {
            for number in of_pool(numbers) {
                used.insert(number);
            }
        }
        let before = if same_range {
            snapshot.taken.clone()
        } else {
            Bitmap::default()
        };
        if !held.complete {
            for number in before.iter(pool.size()) {
                used.insert(number);
            }
        }
        let mut found = BTreeMap::new();
        for number in before.iter(pool.size()).filter(|n| !used.contains(*n)) {
            let times = leaks.get(&number).copied().unwrap_or_default() + 1;
            if times < PATIENCE {
                found.insert(number, times);
            }
        }
        for number in found.keys() {
            used.insert(*number);
        }
        let unchanged = used == before || used.to_stored() == before.to_stored();
        let fresh = snapshot.range.is_empty() && used.to_stored().is_empty();
        snapshot.taken = used;
        if fresh || (same_range && unchanged) || pool.write(&snapshot).await? {
            *leaks = found;
            return Ok(());
        }
    }
    Ok(())
}

/// The numbers of all services.
struct Held {
    known: Vec<Numbers>,
    /// Whether that is all of them: an unreadable service may have any number.
    complete: bool,
}

async fn held(ranges: &ServiceRanges, registry: &Registry) -> Result<Held, PoolError> {
    let request = ListRequest {
        at: ReadAt::Latest,
        ..ListRequest::all()
    };
    let prefix = registry.collection_key(SERVICES, "");
    let page = registry.storage().list(&prefix, &request).await?;
    let mut held = Held {
        known: Vec::with_capacity(page.entries.len()),
        complete: true,
    };
    for entry in &page.entries {
        let Ok(object) = codec::object(SERVICES, entry) else {
            held.complete = false;
            continue;
        };
        let spec = object.as_kind::<Service>().and_then(|s| s.spec.as_ref());
        held.known.extend(spec.map(|spec| ranges.held(spec)));
    }
    Ok(held)
}
