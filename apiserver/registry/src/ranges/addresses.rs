//! Addresses inside the cluster (upstream: `pkg/registry/core/service/ipallocator/allocator.go`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;
use k8s_openapi::api::core::v1::ServiceSpec;
use portcullis_api::{FieldError, Path};
use portcullis_storage::Storage;

use super::bitmap::Bitmap;
use super::pool::Pool;
use super::random::random_below;
use super::refusal::Refusal;
use super::reservation::Reservation;
use portcullis_kinds::kinds::service::traffic::{NONE, is_headless, needs_cluster_ip};
use portcullis_kinds::validation::net::parse_ip;
use portcullis_kinds::validation::{go_strings, list, text};

/// How many addresses of a large network are used, as upstream does.
const SIZE_MAX: u128 = 65536;

/// The first usable address of a network, which is that of the service `kubernetes`.
pub fn first_address(network: IpNet) -> Option<IpAddr> {
    nth(&network.trunc(), 0)
}

/// The address of a number; the network's own is left out.
fn nth(network: &IpNet, number: usize) -> Option<IpAddr> {
    Some(match network.network() {
        IpAddr::V4(base) => {
            let offset = u32::try_from(number + 1).ok()?;
            Ipv4Addr::from(u32::from(base).checked_add(offset)?).into()
        }
        IpAddr::V6(base) => {
            let offset = u128::try_from(number + 1).ok()?;
            Ipv6Addr::from(u128::from(base).checked_add(offset)?).into()
        }
    })
}

pub(super) struct Addresses {
    network: IpNet,
    pool: Pool,
}

impl Addresses {
    pub(super) fn new(storage: Arc<dyn Storage>, prefix: &str, network: IpNet) -> Self {
        let network = network.trunc();
        let key = format!("{prefix}/ranges/serviceips");
        Self {
            pool: Pool::new(storage, key, network.to_string(), size(network)),
            network,
        }
    }

    pub(super) const fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(super) const fn family(&self) -> &'static str {
        match self.network {
            IpNet::V4(_) => "IPv4",
            IpNet::V6(_) => "IPv6",
        }
    }

    /// The address of a number; the network's own is left out.
    pub(super) fn at(&self, number: usize) -> Option<IpAddr> {
        if number >= self.pool.size() {
            return None;
        }
        nth(&self.network, number)
    }

    fn number(&self, ip: IpAddr) -> Option<usize> {
        let offset = match (ip, self.network.network()) {
            (IpAddr::V4(ip), IpAddr::V4(base)) => {
                u128::from(u32::from(ip).checked_sub(u32::from(base))?)
            }
            (IpAddr::V6(ip), IpAddr::V6(base)) => u128::from(ip).checked_sub(u128::from(base))?,
            _ => return None,
        };
        let number = usize::try_from(offset.checked_sub(1)?).ok()?;
        (number < self.pool.size()).then_some(number)
    }

    /// The numbers of a service's addresses.
    pub(super) fn held(&self, spec: &ServiceSpec) -> Vec<usize> {
        let ips = list(spec.cluster_ips.as_ref()).iter();
        ips.filter_map(|ip| self.number(parse_ip(ip)?)).collect()
    }

    /// Gives a service without an address one, the requested one if it names one, and notes the address it no
    /// longer has.
    pub(super) async fn fill(
        &self,
        spec: &mut ServiceSpec,
        old: Option<&ServiceSpec>,
        dry_run: bool,
        reservation: &mut Reservation,
    ) -> Result<(), Refusal> {
        let had = old.is_some_and(needs_cluster_ip);
        if !needs_cluster_ip(spec) {
            reservation.freed.addresses = old.map(|old| self.held(old)).unwrap_or_default();
            return Ok(());
        }
        if had || is_headless(spec) {
            return Ok(());
        }
        let asked = text(spec.cluster_ip.as_ref());
        let asked = (!asked.is_empty() && asked != NONE).then(|| asked.to_owned());
        let ip = match (&asked, dry_run) {
            (Some(ip), _) => {
                let number = self.find(ip).map_err(|why| refuse(spec, ip, &why))?;
                if !dry_run {
                    let taken = self.pool.change(|taken| take(taken, number, spec, ip));
                    taken.await?;
                    reservation.taken.addresses.push(number);
                }
                ip.clone()
            }
            // The address is not known yet.
            (None, true) => self.network.network().to_string(),
            (None, false) => {
                let number = self.pool.change(|taken| self.draw(taken)).await?;
                reservation.taken.addresses.push(number);
                self.at(number).map(|ip| ip.to_string()).unwrap_or_default()
            }
        };
        spec.cluster_ip = Some(ip.clone());
        spec.cluster_ips = Some(vec![ip]);
        Ok(())
    }

    fn find(&self, ip: &str) -> Result<usize, String> {
        parse_ip(ip).and_then(|ip| self.number(ip)).ok_or_else(|| {
            format!(
                "the provided IP ({ip}) is not in the valid range. The range of valid IPs is {}",
                self.network
            )
        })
    }

    fn draw(&self, taken: &mut Bitmap) -> Result<usize, Refusal> {
        let size = self.pool.size();
        let full = || Refusal::Internal("failed to allocate a serviceIP: range is full".into());
        let number = taken.free(size, random_below(size)).ok_or_else(full)?;
        taken.insert(number);
        Ok(number)
    }
}

fn take(taken: &mut Bitmap, number: usize, spec: &ServiceSpec, ip: &str) -> Result<(), Refusal> {
    if taken.insert(number) {
        Ok(())
    } else {
        Err(refuse(spec, ip, "provided IP is already allocated"))
    }
}

fn refuse(spec: &ServiceSpec, ip: &str, why: &str) -> Refusal {
    let ips = list(spec.cluster_ips.as_ref());
    let detail = format!("failed to allocate IP {ip}: {why}");
    let path = Path::new("spec").child("clusterIPs");
    Refusal::Field(FieldError::invalid(&path, go_strings(ips), detail))
}

/// How many usable addresses a network has: without its own, and with IPv4 without the broadcast address.
fn size(network: IpNet) -> usize {
    let bits = u32::from(network.max_prefix_len() - network.prefix_len());
    let all = 1_u128.checked_shl(bits).unwrap_or(u128::MAX);
    let size = match network {
        IpNet::V4(_) => all.saturating_sub(2),
        IpNet::V6(_) => all.min(SIZE_MAX).saturating_sub(1),
    };
    usize::try_from(size).unwrap_or(usize::MAX)
}
