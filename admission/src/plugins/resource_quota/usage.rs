//! What an object counts for.
//!
//! Upstream: `pkg/quota/v1/evaluator/core/`, and `k8s.io/apiserver/pkg/quota/v1/generic` for the
//! plain count of any kind.

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Service, ServiceSpec};
use portcullis_api::Object;
use portcullis_api::quantity::Quantity;

use super::pods;
use crate::plugins::amounts::{Amounts, read};
use crate::{Attributes, Operation};

const CLASS_INFIX: &str = ".storageclass.storage.k8s.io/";
/// Core kinds that quotas also name without `count/`.
const BY_NAME: [&str; 6] = [
    "configmaps",
    "persistentvolumeclaims",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "services",
];

/// An object, as far as quotas care.
pub(super) struct Kind<'a> {
    resource: &'a str,
    group: &'a str,
    what: What<'a>,
}

enum What<'a> {
    Pod(&'a Pod),
    Service(&'a Service),
    Claim(&'a PersistentVolumeClaim),
    Other,
}

impl<'a> Kind<'a> {
    pub(super) fn of(attributes: &'a Attributes<'_>) -> Self {
        let object = attributes.object.as_deref();
        Self {
            resource: attributes.resource.resource,
            group: attributes.resource.group,
            what: object.map_or(What::Other, What::of),
        }
    }

    pub(super) const fn as_pod(&self) -> Option<&'a Pod> {
        match self.what {
            What::Pod(pod) => Some(pod),
            What::Service(_) | What::Claim(_) | What::Other => None,
        }
    }

    /// Whether the request can change usage: most kinds only count.
    pub(super) fn counts_at(&self, attributes: &Attributes<'_>) -> bool {
        let changes = matches!(self.what, What::Service(_) | What::Claim(_));
        attributes.operation == Operation::Create || changes
    }

    fn count_name(&self) -> String {
        match self.group {
            "" => format!("count/{}", self.resource),
            group => format!("count/{}.{group}", self.resource),
        }
    }

    /// Whether a quota's resource is about this kind.
    pub(super) fn counts(&self, name: &str) -> bool {
        if name == self.count_name() {
            return true;
        }
        match self.what {
            What::Pod(_) => pods::counts(name),
            What::Service(_) => matches!(
                name,
                "services" | "services.nodeports" | "services.loadbalancers"
            ),
            What::Claim(_) => {
                let plain = name
                    .split_once(CLASS_INFIX)
                    .map_or(name, |(_, plain)| plain);
                matches!(plain, "persistentvolumeclaims" | "requests.storage")
            }
            What::Other => {
                self.group.is_empty() && self.is_counted_by_name() && name == self.resource
            }
        }
    }

    fn is_counted_by_name(&self) -> bool {
        BY_NAME.contains(&self.resource)
    }

    /// What must be said where a quota counts these.
    pub(super) fn constraints(&self, counted: &[&String]) -> Result<(), String> {
        self.as_pod()
            .map_or(Ok(()), |pod| pods::constraints(pod, counted))
    }

    pub(super) fn usage(&self) -> Amounts {
        self.usage_of(&self.what)
    }

    pub(super) fn usage_before(&self, old: &dyn Object) -> Amounts {
        self.usage_of(&What::of(old))
    }

    fn usage_of(&self, what: &What<'_>) -> Amounts {
        let mut usage = Amounts::from([(self.count_name(), Quantity::from_units(1))]);
        if self.group.is_empty() && self.is_counted_by_name() {
            usage.insert(self.resource.to_owned(), Quantity::from_units(1));
        }
        match what {
            What::Pod(pod) => usage.extend(pods::usage(pod)),
            What::Service(service) => usage.extend(of_service(service)),
            What::Claim(claim) => usage.extend(of_claim(claim)),
            What::Other => {}
        }
        usage
    }
}

impl<'a> What<'a> {
    fn of(object: &'a dyn Object) -> Self {
        if let Some(pod) = object.as_kind() {
            Self::Pod(pod)
        } else if let Some(service) = object.as_kind() {
            Self::Service(service)
        } else if let Some(claim) = object.as_kind() {
            Self::Claim(claim)
        } else {
            Self::Other
        }
    }
}

fn count(of: usize) -> Quantity {
    Quantity::from_units(i64::try_from(of).unwrap_or(i64::MAX))
}

/// Node ports are not allocated yet: what counts is how many there will be.
fn of_service(service: &Service) -> Amounts {
    let none = ServiceSpec::default();
    let spec = service.spec.as_ref().unwrap_or(&none);
    let ports = || spec.ports.iter().flatten();
    let mut usage = Amounts::new();
    match spec.type_.as_deref() {
        Some("NodePort") => {
            usage.insert("services.nodeports".to_owned(), count(ports().count()));
        }
        Some("LoadBalancer") => {
            let allocates = spec.allocate_load_balancer_node_ports.unwrap_or(true);
            let named = ports().filter(|p| p.node_port.unwrap_or_default() != 0);
            let ports = if allocates {
                ports().count()
            } else {
                named.count()
            };
            usage.insert("services.nodeports".to_owned(), count(ports));
            usage.insert("services.loadbalancers".to_owned(), count(1));
        }
        _ => {}
    }
    usage
}

fn of_claim(claim: &PersistentVolumeClaim) -> Amounts {
    let spec = claim.spec.as_ref();
    let resources = spec.and_then(|s| s.resources.as_ref());
    let requests = read(resources.and_then(|r| r.requests.as_ref()));
    let storage = requests.get("storage").copied();
    let old_class = claim.metadata.annotations.as_ref();
    let old_class = old_class.and_then(|a| a.get("volume.beta.kubernetes.io/storage-class"));
    let class = old_class.or_else(|| spec.and_then(|s| s.storage_class_name.as_ref()));
    let class = class.filter(|class| !class.is_empty());
    let mut usage = Amounts::new();
    for prefix in [
        Some(String::new()),
        class.map(|class| format!("{class}{CLASS_INFIX}")),
    ] {
        let Some(prefix) = prefix else { continue };
        usage.insert(format!("{prefix}persistentvolumeclaims"), count(1));
        if let Some(storage) = storage {
            usage.insert(format!("{prefix}requests.storage"), storage);
        }
    }
    usage
}
