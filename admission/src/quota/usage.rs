//! How objects count against quotas.
//!
//! Upstream: `pkg/quota/v1/evaluator/core/`, and `k8s.io/apiserver/pkg/quota/v1/generic` for the
//! object count of any kind.

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Service, ServiceSpec};
use portcullis_api::quantity::Quantity;
use portcullis_api::{GroupResource, Object};

use super::pods;
use crate::Operation;
use crate::amounts::{Amounts, read};
use crate::claims::class_of_claim;

const CLASS_INFIX: &str = ".storageclass.storage.k8s.io/";
/// Core resources that quotas may also name without `count/`.
const BY_NAME: [&str; 6] = [
    "configmaps",
    "persistentvolumeclaims",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "services",
];

/// Resources that are never stored, and events (upstream: `DefaultIgnoredResources` in
/// `pkg/quota/v1/install/registry.go`).
const IGNORED: [(&str, &str); 9] = [
    ("", "bindings"),
    ("", "componentstatuses"),
    ("", "events"),
    ("events.k8s.io", "events"),
    ("authentication.k8s.io", "tokenreviews"),
    ("authorization.k8s.io", "subjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "localsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectrulesreviews"),
];

/// A resource, and how quotas count it.
#[derive(Clone, Copy)]
pub(crate) struct Kind<'a> {
    resource: GroupResource<'a>,
    family: Family,
}

#[derive(Clone, Copy, PartialEq)]
enum Family {
    /// Quotas do not count it.
    Ignored,
    Pods,
    Services,
    Claims,
    Other,
}

impl<'a> Kind<'a> {
    pub(crate) fn of(resource: GroupResource<'a>) -> Self {
        let family = match (resource.group, resource.resource) {
            ("", "pods") => Family::Pods,
            ("", "services") => Family::Services,
            ("", "persistentvolumeclaims") => Family::Claims,
            of if IGNORED.contains(&of) => Family::Ignored,
            _ => Family::Other,
        };
        Self { resource, family }
    }

    /// Whether an operation can change usage; an update only where usage is more than a count.
    pub(crate) fn changes_at(&self, operation: Operation) -> bool {
        let is_sized = matches!(self.family, Family::Services | Family::Claims);
        let counts = self.family != Family::Ignored;
        counts && operation == Operation::Create || is_sized && operation == Operation::Update
    }

    fn count_name(&self) -> String {
        let GroupResource { group, resource } = self.resource;
        match group {
            "" => format!("count/{resource}"),
            group => format!("count/{resource}.{group}"),
        }
    }

    /// Whether a name in a quota is one that objects of this kind count under.
    pub(crate) fn counts(&self, name: &str) -> bool {
        if let Some(counted) = name.strip_prefix("count/")
            && self.family != Family::Ignored
        {
            let GroupResource { group, resource } = self.resource;
            let rest = counted.strip_prefix(resource);
            return rest.is_some_and(|rest| match rest.strip_prefix('.') {
                Some(named) => named == group && !group.is_empty(),
                None => rest.is_empty() && group.is_empty(),
            });
        }
        match self.family {
            Family::Ignored => false,
            Family::Pods => pods::counts(name),
            Family::Services => matches!(
                name,
                "services" | "services.nodeports" | "services.loadbalancers"
            ),
            Family::Claims => {
                let plain = name
                    .split_once(CLASS_INFIX)
                    .map_or(name, |(_, plain)| plain);
                matches!(plain, "persistentvolumeclaims" | "requests.storage")
            }
            Family::Other => self.is_counted_by_name() && name == self.resource.resource,
        }
    }

    fn is_counted_by_name(&self) -> bool {
        self.resource.group.is_empty() && BY_NAME.contains(&self.resource.resource)
    }

    /// The usage of an object of this kind, by all names that quotas have for it.
    pub(crate) fn usage(&self, object: &dyn Object) -> Amounts {
        let mut usage = Amounts::from([(self.count_name(), Quantity::from_units(1))]);
        if self.is_counted_by_name() {
            usage.insert(self.resource.resource.to_owned(), Quantity::from_units(1));
        }
        if let Some(pod) = object.as_kind() {
            usage.extend(pods::usage(pod));
        } else if let Some(service) = object.as_kind() {
            usage.extend(of_service(service));
        } else if let Some(claim) = object.as_kind() {
            usage.extend(of_claim(claim));
        }
        usage
    }
}

/// An error if an object leaves out what it must specify where a quota counts the given resources.
pub(crate) fn constraints(object: &dyn Object, counted: &[&String]) -> Result<(), String> {
    object
        .as_kind()
        .map_or(Ok(()), |pod| pods::constraints(pod, counted))
}

fn count(of: usize) -> Quantity {
    Quantity::from_units(i64::try_from(of).unwrap_or(i64::MAX))
}

/// Node ports are not allocated yet, so what counts is how many there will be.
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
    // quotas count whole bytes
    let storage = requests.get("storage").map(|storage| storage.to_units());
    let class = Some(class_of_claim(claim)).filter(|class| !class.is_empty());
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
