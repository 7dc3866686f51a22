//! Addresses inside the cluster and ports on the nodes for services: each belongs to one service only, also
//! if several servers share the store.
//!
//! Upstream: `pkg/registry/core/service/storage/alloc.go`. An address is taken before the service is written
//! and released after it is gone, so a crash between the two leaks one, which [`crate::repair`] finds.

mod addresses;
mod bitmap;
mod families;
mod node_ports;
mod pool;
mod port_range;
mod random;
mod refusal;
mod reservation;

use std::sync::Arc;

use ipnet::IpNet;
use k8s_openapi::api::core::v1::{Service, ServiceSpec};
use portcullis_api::{ErrorList, Object, Status};
use portcullis_storage::Storage;

use self::addresses::Addresses;
pub use self::addresses::first_address;
pub(crate) use self::bitmap::Bitmap;
use self::node_ports::NodePorts;
pub(crate) use self::pool::{Pool, PoolError};
pub use self::port_range::PortRange;
use self::refusal::Errors;
pub(crate) use self::reservation::Numbers;
pub use self::reservation::Reservation;
use portcullis_kinds::kinds::service::traffic;

/// The smallest network: eight addresses (upstream: `cmd/kube-apiserver/app/options/validation.go`).
const ADDRESS_BITS_MIN: u8 = 3;
/// The largest one of IPv4, whose set still fits an object.
const ADDRESS_BITS_MAX: u8 = 20;

/// The ranges of addresses and ports for services.
pub struct ServiceRanges {
    addresses: Addresses,
    ports: NodePorts,
}

impl ServiceRanges {
    /// The ranges in a store whose keys begin with `prefix`.
    ///
    /// # Errors
    /// A sentence about a network that is too small or too large.
    pub fn new(
        storage: &Arc<dyn Storage>,
        prefix: &str,
        network: IpNet,
        ports: PortRange,
    ) -> Result<Self, String> {
        let bits = network.max_prefix_len() - network.prefix_len();
        if bits < ADDRESS_BITS_MIN {
            return Err(format!("{network} must have at least 8 addresses"));
        }
        if matches!(network, IpNet::V4(_)) && bits > ADDRESS_BITS_MAX {
            return Err(format!("{network} is too large, the mask must be >= 12"));
        }
        Ok(Self {
            addresses: Addresses::new(storage.clone(), prefix, network),
            ports: NodePorts::new(storage.clone(), prefix, ports),
        })
    }

    /// The first address, that of the server itself.
    pub fn first_address(&self) -> Option<std::net::IpAddr> {
        self.addresses.at(0)
    }

    /// Takes what a new or changed service needs and writes it into the service; nothing, if the object is
    /// not a service. A dry run takes and releases nothing, and writes a value that looks alike.
    ///
    /// # Errors
    /// 422 for what is not available, 500 if the range is exhausted.
    pub async fn reserve(
        &self,
        object: &mut dyn Object,
        old: Option<&dyn Object>,
        dry_run: bool,
    ) -> Result<Reservation, Status> {
        let Some(service) = object.as_kind_mut::<Service>() else {
            return Ok(Reservation::default());
        };
        let old = old.and_then(|o| o.as_kind::<Service>());
        let old = old.and_then(|s| s.spec.as_ref());
        let name = service.metadata.name.clone().unwrap_or_default();
        let spec = service.spec.get_or_insert_default();
        let mut reservation = Reservation::default();
        let result = self.fill(spec, old, dry_run, &mut reservation).await;
        let Err(status) = result.map_err(|errors| errors.into_status(&name)) else {
            return Ok(if dry_run {
                Reservation::default()
            } else {
                reservation
            });
        };
        self.give_back(&reservation.taken).await;
        Err(status)
    }

    async fn fill(
        &self,
        spec: &mut ServiceSpec,
        old: Option<&ServiceSpec>,
        dry_run: bool,
        reservation: &mut Reservation,
    ) -> Result<(), Errors> {
        families::complete(spec, old, self.addresses.family()).map_err(Errors::Fields)?;
        self.addresses.fill(spec, old, dry_run, reservation).await?;
        self.ports.fill(spec, old, dry_run, reservation).await?;
        let mut errors = ErrorList::new();
        traffic::validate_external_traffic(spec, &mut errors);
        if errors.is_empty() {
            Ok(())
        } else {
            Err(Errors::Fields(errors))
        }
    }

    /// Ends a reservation according to the result of its write: what was taken is kept, or released. If the
    /// result is unknown, all stays taken.
    pub async fn settle<T>(&self, reservation: Reservation, written: Result<T, u16>) {
        match written {
            Ok(_) => self.give_back(&reservation.freed).await,
            Err(code) if code < 500 => self.give_back(&reservation.taken).await,
            Err(_) => {}
        }
    }

    /// Releases the numbers of a deleted service; nothing, if the object is not a service.
    pub async fn release(&self, object: &dyn Object) {
        let spec = object.as_kind::<Service>().and_then(|s| s.spec.as_ref());
        if let Some(spec) = spec {
            self.give_back(&self.held(spec)).await;
        }
    }

    /// The addresses.
    pub(crate) const fn address_pool(&self) -> &Pool {
        self.addresses.pool()
    }

    /// The ports.
    pub(crate) const fn port_pool(&self) -> &Pool {
        self.ports.pool()
    }

    /// The numbers of a service.
    pub(crate) fn held(&self, spec: &ServiceSpec) -> Numbers {
        Numbers {
            addresses: self.addresses.held(spec),
            ports: self.ports.held(spec),
        }
    }

    async fn give_back(&self, numbers: &Numbers) {
        for (pool, numbers) in [
            (self.addresses.pool(), &numbers.addresses),
            (self.ports.pool(), &numbers.ports),
        ] {
            if numbers.is_empty() {
                continue;
            }
            let changed = pool.change(|taken| {
                for number in numbers {
                    taken.remove(*number);
                }
                Ok::<_, PoolError>(())
            });
            if let Err(error) = changed.await {
                tracing::warn!(range = pool.spec(), %error, "addresses or ports of a service were not released; the repair loop will release them");
            }
        }
    }
}

#[cfg(test)]
mod tests;
