//! What services are given: an address inside the cluster, and ports on the nodes, each to one
//! service only, however many servers share the store.
//!
//! Upstream: `pkg/registry/core/service/storage/alloc.go`. An address is taken before the service
//! is written and given back after it is gone, so a crash between the two leaks one, which
//! [`repair`] finds.

mod addresses;
mod bitmap;
mod families;
mod node_ports;
mod pool;
pub mod repair;

use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;
use k8s_openapi::api::core::v1::{Service, ServiceSpec};
use portcullis_api::{ErrorList, FieldError, GroupKind, Object, Status};
use portcullis_storage::Storage;

use self::addresses::Addresses;
pub use self::addresses::first_address;
use self::node_ports::NodePorts;
use self::pool::PoolError;
use super::kinds::service::traffic;

/// The smallest network: eight addresses (upstream: `cmd/kube-apiserver/app/options/validation.go`).
const ADDRESS_BITS_MIN: u8 = 3;
/// The largest one of IPv4, whose set still fits an object.
const ADDRESS_BITS_MAX: u8 = 20;

/// Which ports of the nodes services may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

impl FromStr for PortRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ends = text.split_once('-').and_then(|(first, last)| {
            let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
            (first > 0 && first <= last).then_some(Self { first, last })
        });
        ends.ok_or_else(|| "a range of ports is two numbers, such as 30000-32767".into())
    }
}

/// The ranges services are given from.
pub struct ServiceRanges {
    addresses: Addresses,
    ports: NodePorts,
}

/// What a write took for its service, and what the service has no longer. It counts once the
/// write is done: [`ServiceRanges::settle`].
#[derive(Debug, Default)]
#[must_use]
pub struct Reservation {
    taken: Numbers,
    freed: Numbers,
}

/// Numbers in the two ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Numbers {
    addresses: Vec<usize>,
    ports: Vec<usize>,
}

/// Why a service did not get what it needs.
enum Refusal {
    /// What it asks for cannot be had.
    Field(FieldError),
    /// Something else is wrong.
    Internal(String),
}

impl From<PoolError> for Refusal {
    fn from(error: PoolError) -> Self {
        Self::Internal(error.to_string())
    }
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

    /// Takes what a new or changed service needs and writes it into the service; nothing, if the
    /// object is no service. A dry run takes nothing and gives nothing back, and writes something that
    /// looks alike.
    ///
    /// # Errors
    /// 422 for what cannot be had, 500 where nothing is left.
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

    /// Ends a reservation as the write it was for has ended: what was taken is kept, or given
    /// back. After a write of which nobody knows whether it happened, all stays taken.
    pub async fn settle<T>(&self, reservation: Reservation, written: Result<T, u16>) {
        match written {
            Ok(_) => self.give_back(&reservation.freed).await,
            Err(code) if code < 500 => self.give_back(&reservation.taken).await,
            Err(_) => {}
        }
    }

    /// Gives back what a deleted service had; nothing, if the object is no service.
    pub async fn release(&self, object: &dyn Object) {
        let spec = object.as_kind::<Service>().and_then(|s| s.spec.as_ref());
        if let Some(spec) = spec {
            self.give_back(&self.held(spec)).await;
        }
    }

    /// What a service has.
    fn held(&self, spec: &ServiceSpec) -> Numbers {
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
                tracing::warn!(range = pool.spec(), %error, "addresses or ports of a service were not given back, and will be found later");
            }
        }
    }
}

/// Why a service was not given all it needs.
enum Errors {
    Fields(ErrorList),
    Internal(String),
}

impl Errors {
    fn into_status(self, name: &str) -> Status {
        let kind = GroupKind {
            group: "",
            kind: "Service",
        };
        match self {
            Self::Fields(errors) => Status::invalid(kind, name, &errors),
            Self::Internal(why) => Status::internal(why),
        }
    }
}

impl From<Refusal> for Errors {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Field(error) => Self::Fields(vec![error]),
            Refusal::Internal(why) => Self::Internal(why),
        }
    }
}

/// Where to begin to look for a free number, so that a service that is deleted and made again
/// does not get the address its clients have cached.
fn random_below(size: usize) -> usize {
    let random = uuid::Uuid::new_v4().as_u128() % (size.max(1) as u128);
    usize::try_from(random).unwrap_or_default()
}

#[cfg(test)]
mod tests;
