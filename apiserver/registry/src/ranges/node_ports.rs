//! Ports of the nodes (upstream: `pkg/registry/core/service/portallocator/{allocator,operation}.go`).

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{ServicePort, ServiceSpec};
use portcullis_api::{FieldError, Path};
use portcullis_storage::Storage;

use super::bitmap::Bitmap;
use super::pool::Pool;
use super::port_range::PortRange;
use super::random::random_below;
use super::refusal::Refusal;
use super::reservation::Reservation;
use portcullis_kinds::kinds::service::traffic::{
    may_draw_node_ports, needs_health_check_port, needs_node_ports,
};
use portcullis_kinds::validation::list;

/// Dry runs show ports from the one after this, which no range has by default.
const DRY_RUN_BASE: i32 = 32768;

pub(super) struct NodePorts {
    range: PortRange,
    pool: Pool,
}

impl NodePorts {
    pub(super) fn new(storage: Arc<dyn Storage>, prefix: &str, range: PortRange) -> Self {
        let key = format!("{prefix}/ranges/servicenodeports");
        let size = usize::from(range.last.saturating_sub(range.first)) + 1;
        let spec = format!("{}-{}", range.first, range.last);
        Self {
            range,
            pool: Pool::new(storage, key, spec, size),
        }
    }

    pub(super) const fn pool(&self) -> &Pool {
        &self.pool
    }

    fn number(&self, port: i32) -> Option<usize> {
        let number = usize::try_from(port.checked_sub(self.range.first.into())?).ok()?;
        (number < self.pool.size()).then_some(number)
    }

    /// The numbers of a service's ports.
    pub(super) fn held(&self, spec: &ServiceSpec) -> Vec<usize> {
        let ports = held_ports(spec);
        ports.into_iter().filter_map(|p| self.number(p)).collect()
    }

    /// Gives a service its missing ports, the requested ones if it names them, and notes those it no longer
    /// has.
    pub(super) async fn fill(
        &self,
        spec: &mut ServiceSpec,
        old: Option<&ServiceSpec>,
        dry_run: bool,
        reservation: &mut Reservation,
    ) -> Result<(), Refusal> {
        let wanted = held_ports(spec);
        let draws = may_draw_node_ports(spec) || needs_health_check_port(spec);
        if wanted.is_empty() && !draws && old.is_none_or(|old| held_ports(old).is_empty()) {
            return Ok(());
        }
        let start = random_below(self.pool.size());
        let work = |taken: &mut Bitmap| {
            let mut drawing = Drawing {
                ports: self,
                taken,
                start,
                dry_run,
                drawn: Vec::new(),
            };
            let mut spec = spec.clone();
            drawing.fill(&mut spec, old)?;
            Ok::<_, Refusal>((spec, drawing.drawn))
        };
        let (filled, drawn) = if dry_run {
            work(&mut self.pool.read().await?.taken)?
        } else {
            self.pool.change(work).await?
        };
        *spec = filled;
        if !dry_run {
            let numbers = drawn.into_iter().filter_map(|p| self.number(p));
            reservation.taken.ports = numbers.collect();
        }
        let kept = self.held(spec);
        let before = old.map(|old| self.held(old)).unwrap_or_default();
        reservation.freed.ports = before.into_iter().filter(|n| !kept.contains(n)).collect();
        Ok(())
    }
}

/// The ports of the nodes that a service has, that of its health check included.
fn held_ports(spec: &ServiceSpec) -> Vec<i32> {
    let ports = list(spec.ports.as_ref()).iter().map(|p| p.node_port);
    let all = ports.chain([spec.health_check_node_port]);
    all.flatten().filter(|p| *p != 0).collect()
}

/// The allocation for one service.
struct Drawing<'d> {
    ports: &'d NodePorts,
    taken: &'d mut Bitmap,
    start: usize,
    dry_run: bool,
    /// The allocated ports.
    drawn: Vec<i32>,
}

impl Drawing<'_> {
    fn fill(&mut self, spec: &mut ServiceSpec, old: Option<&ServiceSpec>) -> Result<(), Refusal> {
        if needs_node_ports(spec) {
            let draws = may_draw_node_ports(spec);
            let ports = spec.ports.get_or_insert_default();
            match old {
                None => self.fill_new(ports, draws)?,
                Some(old) => self.fill_changed(ports, draws, &held_ports(old))?,
            }
        }
        if needs_health_check_port(spec) && !old.is_some_and(needs_health_check_port) {
            self.fill_health_check(spec)?;
        }
        Ok(())
    }

    /// Ports with the same number share a node port, as DNS does over TCP and UDP. Requested ports are taken
    /// before others are drawn.
    fn fill_new(&mut self, ports: &mut [ServicePort], draws: bool) -> Result<(), Refusal> {
        let mut shared = BTreeMap::new();
        for (i, port) in ports.iter().enumerate() {
            let Some(number) = asked(port) else { continue };
            if shared.get(&port.port) != Some(&number) {
                let path = Path::new("spec").child("ports").index(i).child("nodePort");
                self.take(number, &path)?;
            }
            shared.entry(port.port).or_insert(number);
        }
        for port in ports.iter_mut().filter(|p| draws && asked(p).is_none()) {
            let number = match shared.get(&port.port) {
                Some(number) => *number,
                None => self.draw("nodePort")?,
            };
            shared.insert(port.port, number);
            port.node_port = Some(number);
        }
        Ok(())
    }

    fn fill_changed(
        &mut self,
        ports: &mut [ServicePort],
        draws: bool,
        before: &[i32],
    ) -> Result<(), Refusal> {
        for (i, port) in ports.iter_mut().enumerate() {
            match asked(port) {
                Some(number) if before.contains(&number) || self.drawn.contains(&number) => {}
                Some(number) => {
                    let path = Path::new("spec").child("ports").index(i).child("nodePort");
                    self.take(number, &path)?;
                }
                None if draws => port.node_port = Some(self.draw("nodePort")?),
                None => {}
            }
        }
        Ok(())
    }

    fn fill_health_check(&mut self, spec: &mut ServiceSpec) -> Result<(), Refusal> {
        match spec.health_check_node_port.filter(|p| *p != 0) {
            None => spec.health_check_node_port = Some(self.draw("HealthCheck NodePort")?),
            Some(number) => {
                let path = Path::new("spec").child("healthCheckNodePort");
                self.take(number, &path).map_err(|refusal| match refusal {
                    Refusal::Field(error) => Refusal::Internal(format!(
                        "failed to allocate requested HealthCheck NodePort {number}: {}",
                        error.detail
                    )),
                    internal @ Refusal::Internal(_) => internal,
                })?;
            }
        }
        Ok(())
    }

    /// Takes the requested port.
    fn take(&mut self, port: i32, path: &Path) -> Result<(), Refusal> {
        let range = self.ports.pool.spec();
        let detail = match self.ports.number(port) {
            None => format!(
                "provided port is not in the valid range. The range of valid ports is {range}"
            ),
            Some(number) if self.taken.insert(number) => {
                self.drawn.push(port);
                return Ok(());
            }
            Some(_) => "provided port is already allocated".to_owned(),
        };
        Err(Refusal::Field(FieldError::invalid(path, port, detail)))
    }

    /// Takes any port.
    fn draw(&mut self, what: &str) -> Result<i32, Refusal> {
        if self.dry_run {
            // A placeholder: the number is not known yet.
            let last = self.drawn.iter().copied().max().unwrap_or(DRY_RUN_BASE);
            self.drawn.push(last + 1);
            return Ok(last + 1);
        }
        let number = self.taken.free(self.ports.pool.size(), self.start);
        let offset = number.and_then(|n| i32::try_from(n).ok());
        let (Some(number), Some(offset)) = (number, offset) else {
            let why = format!("failed to allocate a {what}: range is full");
            return Err(Refusal::Internal(why));
        };
        self.taken.insert(number);
        let port = i32::from(self.ports.range.first) + offset;
        self.drawn.push(port);
        Ok(port)
    }
}

fn asked(port: &ServicePort) -> Option<i32> {
    port.node_port.filter(|p| *p != 0)
}
