//! The rows that the server itself uses: a name that is not in the table does not compile.

use super::find::row;
use crate::resource::Resource;

/// See [`super::RESOURCES`].
pub const CLUSTER_ROLES: &Resource = row("rbac.authorization.k8s.io", "clusterroles");
/// See [`super::RESOURCES`].
pub const CLUSTER_ROLE_BINDINGS: &Resource =
    row("rbac.authorization.k8s.io", "clusterrolebindings");
/// See [`super::RESOURCES`].
pub const API_SERVICES: &Resource = row("apiregistration.k8s.io", "apiservices");
/// See [`super::RESOURCES`].
pub const CONFIG_MAPS: &Resource = row("", "configmaps");
/// See [`super::RESOURCES`].
pub const EVENTS: &Resource = row("", "events");
/// See [`super::RESOURCES`].
pub const LEASES: &Resource = row("coordination.k8s.io", "leases");
/// See [`super::RESOURCES`].
pub const ENDPOINTS: &Resource = row("", "endpoints");
/// See [`super::RESOURCES`].
pub const ENDPOINT_SLICES: &Resource = row("discovery.k8s.io", "endpointslices");
/// See [`super::RESOURCES`].
pub const LIMIT_RANGES: &Resource = row("", "limitranges");
/// See [`super::RESOURCES`].
pub const NAMESPACES: &Resource = row("", "namespaces");
/// See [`super::RESOURCES`].
pub const POD_SECURITY_POLICIES: &Resource = row("policy", "podsecuritypolicies");
/// See [`super::RESOURCES`].
pub const CUSTOM_RESOURCE_DEFINITIONS: &Resource =
    row("apiextensions.k8s.io", "customresourcedefinitions");
/// See [`super::RESOURCES`].
pub const MUTATING_WEBHOOK_CONFIGURATIONS: &Resource = row(
    "admissionregistration.k8s.io",
    "mutatingwebhookconfigurations",
);
/// See [`super::RESOURCES`].
pub const VALIDATING_WEBHOOK_CONFIGURATIONS: &Resource = row(
    "admissionregistration.k8s.io",
    "validatingwebhookconfigurations",
);
/// See [`super::RESOURCES`].
pub const MUTATING_ADMISSION_POLICIES: &Resource =
    row("admissionregistration.k8s.io", "mutatingadmissionpolicies");
/// See [`super::RESOURCES`].
pub const MUTATING_ADMISSION_POLICY_BINDINGS: &Resource = row(
    "admissionregistration.k8s.io",
    "mutatingadmissionpolicybindings",
);
/// See [`super::RESOURCES`].
pub const VALIDATING_ADMISSION_POLICIES: &Resource = row(
    "admissionregistration.k8s.io",
    "validatingadmissionpolicies",
);
/// See [`super::RESOURCES`].
pub const VALIDATING_ADMISSION_POLICY_BINDINGS: &Resource = row(
    "admissionregistration.k8s.io",
    "validatingadmissionpolicybindings",
);
/// See [`super::RESOURCES`].
pub const NODES: &Resource = row("", "nodes");
/// See [`super::RESOURCES`].
pub const PERSISTENT_VOLUMES: &Resource = row("", "persistentvolumes");
/// See [`super::RESOURCES`].
pub const POD_DISRUPTION_BUDGETS: &Resource = row("policy", "poddisruptionbudgets");
/// See [`super::RESOURCES`].
pub const PERSISTENT_VOLUME_CLAIMS: &Resource = row("", "persistentvolumeclaims");
/// See [`super::RESOURCES`].
pub const PODS: &Resource = row("", "pods");
/// See [`super::RESOURCES`].
pub const PRIORITY_CLASSES: &Resource = row("scheduling.k8s.io", "priorityclasses");
/// See [`super::RESOURCES`].
pub const RESOURCE_QUOTAS: &Resource = row("", "resourcequotas");
/// See [`super::RESOURCES`].
pub const ROLES: &Resource = row("rbac.authorization.k8s.io", "roles");
/// See [`super::RESOURCES`].
pub const ROLE_BINDINGS: &Resource = row("rbac.authorization.k8s.io", "rolebindings");
/// See [`super::RESOURCES`].
pub const INGRESS_CLASSES: &Resource = row("networking.k8s.io", "ingressclasses");
/// See [`super::RESOURCES`].
pub const RUNTIME_CLASSES: &Resource = row("node.k8s.io", "runtimeclasses");
/// See [`super::RESOURCES`].
pub const SECRETS: &Resource = row("", "secrets");
/// See [`super::RESOURCES`].
pub const SERVICE_ACCOUNTS: &Resource = row("", "serviceaccounts");
/// See [`super::RESOURCES`].
pub const SERVICES: &Resource = row("", "services");
/// See [`super::RESOURCES`].
pub const STORAGE_CLASSES: &Resource = row("storage.k8s.io", "storageclasses");
/// See [`super::RESOURCES`].
pub const VOLUME_ATTACHMENTS: &Resource = row("storage.k8s.io", "volumeattachments");
/// See [`super::RESOURCES`].
pub const CERTIFICATE_SIGNING_REQUESTS: &Resource =
    row("certificates.k8s.io", "certificatesigningrequests");
