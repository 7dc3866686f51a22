//! `hostPorts` (upstream: `podsecuritypolicy/provider.go`).

use portcullis_api::FieldError;
use portcullis_api::psp::HostPortRange;

use super::findings::Findings;
use super::pod_view::ContainerView;

/// The host ports that containers may use; none, unless the policy lists some.
#[derive(Debug)]
pub(super) struct HostPortRule(Vec<HostPortRange>);

impl HostPortRule {
    pub(super) fn compile(ranges: Option<&[HostPortRange]>) -> Self {
        Self(ranges.unwrap_or_default().to_vec())
    }

    pub(super) fn validate(&self, container: &ContainerView<'_>, findings: &mut Findings) {
        let ports = container.ports.iter().filter_map(|p| p.host_port);
        for port in ports.filter(|port| *port > 0) {
            if !self.0.iter().any(|r| (r.min..=r.max).contains(&port)) {
                findings.add(|| {
                    let allowed = self.as_text();
                    let detail = format!(
                        "Host port {port} is not allowed to be used. Allowed ports: [{allowed}]"
                    );
                    let path = container.path().child("hostPort");
                    FieldError::invalid(&path, port, detail)
                });
            }
        }
    }

    fn as_text(&self) -> String {
        let texts = self.0.iter().map(|r| match r.min == r.max {
            true => r.min.to_string(),
            false => format!("{}-{}", r.min, r.max),
        });
        texts.collect::<Vec<_>>().join(",")
    }
}
