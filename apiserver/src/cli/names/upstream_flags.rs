//! kube-apiserver's flags from 1.20 to 1.37 that `portcullis serve` does not have.

use super::pflag::Takes;

/// How a flag without a counterpart here is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It has no meaning here, since it builds, tunes or measures kube-apiserver.
    Ignored(Takes),
    /// Ignoring it would promise something that is not done.
    Refused(Takes),
}

/// How a flag of kube-apiserver is handled; `None` for an unknown flag.
pub fn fate(name: &str) -> Option<Fate> {
    let is_in = |names: &[&str]| names.contains(&name);
    if is_in(IGNORED_SWITCHES) {
        return Some(Fate::Ignored(Takes::Switch));
    }
    if is_in(IGNORED_VALUES) || OF_LIBRARIES.iter().any(|of| name.starts_with(of)) {
        return Some(Fate::Ignored(Takes::Value));
    }
    is_in(REFUSED).then_some(Fate::Refused(Takes::Value))
}

/// What flags of linked libraries begin with: cAdvisor's, the cloud providers'.
const OF_LIBRARIES: &[&str] = &[
    "cloud-",
    "event-storage-",
    "log-json-",
    "log-text-",
    "peer-",
    "storage-driver-",
];

const IGNORED_SWITCHES: &[&str] = &[
    "add-dir-header",
    "aggregator-reject-forwarding-redirects",
    "alsologtostderr",
    "contention-profiling",
    "docker-only",
    "docker-tls",
    "emulation-forward-compatible",
    "enable-aggregator-routing",
    "enable-garbage-collector",
    "enable-load-reader",
    "enable-logs-handler",
    "enable-priority-and-fairness",
    "enable-swagger-ui",
    "encryption-provider-config-automatic-reload",
    "kubelet-https",
    "logtostderr",
    "one-output",
    "permit-address-sharing",
    "permit-port-sharing",
    "profiling",
    "repair-malformed-updates",
    "runtime-config-emulation-forward-compatible",
    "service-account-lookup",
    "shutdown-send-retry-after",
    "skip-headers",
    "skip-log-headers",
    "watch-cache",
];

const IGNORED_VALUES: &[&str] = &[
    "admission-control",
    "allow-metric-labels",
    "allow-metric-labels-manifest",
    "apiserver-count",
    "application-metrics-count-limit",
    "azure-container-registry-config",
    "boot-id-file",
    "container-hints",
    "containerd",
    "containerd-namespace",
    "coordinated-leadership-lease-duration",
    "coordinated-leadership-renew-deadline",
    "coordinated-leadership-retry-period",
    "cors-allowed-origins",
    "debug-socket-path",
    "default-not-ready-toleration-seconds",
    "default-unreachable-toleration-seconds",
    "default-watch-cache-size",
    "delete-collection-workers",
    "deserialization-cache-size",
    "disable-http2-serving",
    "disabled-metrics",
    "docker",
    "docker-env-metadata-whitelist",
    "docker-root",
    "docker-tls-ca",
    "docker-tls-cert",
    "docker-tls-key",
    "egress-selector-config-file",
    "endpoint-reconciler-type",
    "etcd-count-metric-poll-period",
    "etcd-db-metric-poll-interval",
    "etcd-healthcheck-timeout",
    "etcd-readycheck-timeout",
    "external-hostname",
    "feature-gates",
    "global-housekeeping-interval",
    "goaway-chance",
    "housekeeping-interval",
    "http2-max-streams-per-connection",
    "identity-lease-duration-seconds",
    "identity-lease-renew-interval-seconds",
    "kubelet-port",
    "kubelet-read-only-port",
    "kubernetes-service-node-port",
    "lease-reuse-duration-seconds",
    "livez-grace-period",
    "log-backtrace-at",
    "log-cadvisor-usage",
    "log-dir",
    "log-file",
    "log-file-max-size",
    "log-flush-frequency",
    "logging-format",
    "machine-id-file",
    "master-service-namespace",
    "max-connection-bytes-per-sec",
    "min-compatibility-version",
    "min-request-timeout",
    "node-port-range",
    "show-hidden-metrics-for-version",
    "shutdown-delay-duration",
    "shutdown-watch-termination-grace-period",
    "ssh-keyfile",
    "ssh-user",
    "stderrthreshold",
    "storage-backend",
    "storage-initialization-timeout",
    "storage-media-type",
    "storage-versions",
    "strict-transport-security-directives",
    "target-ram-mb",
    "tls-cipher-suites",
    "tls-curve-preferences",
    "tls-min-version",
    "tracing-config-file",
    "vmodule",
    "watch-cache-sizes",
];

const REFUSED: &[&str] = &[
    "audit-log-truncate-enabled",
    "audit-log-truncate-max-batch-size",
    "audit-log-truncate-max-event-size",
    "authorization-policy-file",
    "encryption-provider-config",
    "etcd-servers-overrides",
    "experimental-encryption-provider-config",
    "service-account-signing-endpoint",
    "tls-sni-cert-key",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_has_one_fate() {
        let mut all: Vec<_> = [IGNORED_SWITCHES, IGNORED_VALUES, REFUSED].concat();
        let listed = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), listed);
        assert_eq!(fate("nope"), None);
        assert_eq!(fate("vmodule"), Some(Fate::Ignored(Takes::Value)));
        let cadvisors = fate("storage-driver-db");
        assert_eq!(cadvisors, Some(Fate::Ignored(Takes::Value)));
    }
}
