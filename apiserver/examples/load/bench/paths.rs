//! The paths of what is measured.

pub const NAMESPACE: &str = "bench";
pub const PODS: &str = "/api/v1/namespaces/bench/pods";
pub const MAPS: &str = "/api/v1/namespaces/bench/configmaps";
pub const MAP: &str = "/api/v1/namespaces/bench/configmaps/patched";
/// A collection of 500 pods, whose label `n` is their number.
pub const LIST: &str = "/api/v1/namespaces/listed/pods";
/// A collection of 5,000 pods.
pub const CROWD: &str = "/api/v1/namespaces/crowd/pods";
pub const WIDGETS: &str = "/apis/bench.example.com/v1/namespaces/bench/widgets";
pub const REVIEWS: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
