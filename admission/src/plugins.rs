//! The only list of plugins: their names, their order, which are on by default, how they are made.

mod always;
mod anti_affinity;
mod certificates;
mod claim_resize;
pub(crate) mod default_class;
mod default_toleration_seconds;
mod deny_external_ips;
mod extended_resource_toleration;
mod limit_ranger;
mod namespace_exists;
mod namespace_lifecycle;
mod node_restriction;
mod owner_references;
mod pod_node_selector;
mod pod_security;
mod priority;
mod references;
mod resource_quota;
mod runtime_class;
mod security_context_deny;
mod service_account;
mod storage_protection;
mod taint_nodes;
mod tolerations;

use std::collections::BTreeSet;

use thiserror::Error;

use crate::chain::{Chain, Roles};
use crate::lookup::Lookups;
use crate::podsecuritypolicy::{self, PodSecurityPolicy};
use always::{AlwaysDeny, AlwaysPullImages};
use anti_affinity::LimitPodHardAntiAffinityTopology;
use certificates::{Act, ForSigner, SubjectRestriction};
use claim_resize::ClaimResize;
use default_class::{DefaultIngressClass, DefaultStorageClass};
use default_toleration_seconds::DefaultTolerationSeconds;
use deny_external_ips::DenyServiceExternalIps;
use extended_resource_toleration::ExtendedResourceToleration;
use limit_ranger::LimitRanger;
use namespace_exists::NamespaceExists;
use namespace_lifecycle::NamespaceLifecycle;
use node_restriction::NodeRestriction;
use owner_references::OwnerReferences;
use pod_node_selector::PodNodeSelector;
use pod_security::PodSecurity;
use priority::Priority;
use resource_quota::ResourceQuotas;
use runtime_class::RuntimeClasses;
use security_context_deny::SecurityContextDeny;
use service_account::ServiceAccounts;
use storage_protection::StorageObjectInUseProtection;
use taint_nodes::TaintNodesByCondition;

/// The plugins in the order in which they run, whatever the order of the flags.
///
/// Upstream: `AllOrderedPlugins` and `DefaultOffAdmissionPlugins` in
/// `pkg/kubeapiserver/options/plugins.go` of 1.24.
const ALL: [Row; 35] = [
    off(
        "AlwaysAdmit",
        Nothing("it admits everything, as upstream's does"),
    ),
    off(
        "NamespaceAutoProvision",
        Nothing("namespaces are never made on the way"),
    ),
    on(
        "NamespaceLifecycle",
        Made(|l| Roles::mutating(NamespaceLifecycle::new(&l.namespaces))),
    ),
    off(
        "NamespaceExists",
        Made(|l| Roles::validating(NamespaceExists::new(&l.namespaces))),
    ),
    off(
        "SecurityContextDeny",
        Made(|_| Roles::validating(SecurityContextDeny)),
    ),
    off(
        "LimitPodHardAntiAffinityTopology",
        Made(|_| Roles::validating(LimitPodHardAntiAffinityTopology)),
    ),
    on(
        "LimitRanger",
        Made(|l| Roles::both(LimitRanger::new(&l.limit_ranges))),
    ),
    on("ServiceAccount", Made(service_accounts)),
    off(
        "NodeRestriction",
        Made(|l| Roles::mutating(NodeRestriction::new(&l.pods, &l.nodes))),
    ),
    on(
        "TaintNodesByCondition",
        Made(|_| Roles::mutating(TaintNodesByCondition)),
    ),
    off(
        "AlwaysPullImages",
        Made(|_| Roles::mutating(AlwaysPullImages)),
    ),
    off("ImagePolicyWebhook", Nothing(NO_WEBHOOKS)),
    on(
        "PodSecurity",
        Made(|l| Roles::validating(PodSecurity::new(&l.namespaces, &l.pods))),
    ),
    off(podsecuritypolicy::NAME, Made(pod_security_policy)),
    off(
        "PodNodeSelector",
        Made(|l| Roles::both(PodNodeSelector::new(&l.namespaces))),
    ),
    on(
        "Priority",
        Made(|l| Roles::both(Priority::new(&l.priority_classes))),
    ),
    on(
        "DefaultTolerationSeconds",
        Made(|_| Roles::mutating(DefaultTolerationSeconds)),
    ),
    off("PodTolerationRestriction", Nothing(NOT_YET)),
    off("EventRateLimit", Nothing(NOT_YET)),
    off(
        "ExtendedResourceToleration",
        Made(|_| Roles::mutating(ExtendedResourceToleration)),
    ),
    off(
        "PersistentVolumeLabel",
        Nothing("no cloud provider labels volumes here"),
    ),
    on(
        "DefaultStorageClass",
        Made(|l| Roles::mutating(DefaultStorageClass::new(&l.storage_classes))),
    ),
    on(
        "StorageObjectInUseProtection",
        Made(|_| Roles::mutating(StorageObjectInUseProtection)),
    ),
    off(
        "OwnerReferencesPermissionEnforcement",
        Made(|l| Roles::validating(OwnerReferences::new(&l.permissions, l.resource_of.clone()))),
    ),
    on(
        "PersistentVolumeClaimResize",
        Made(|l| Roles::validating(ClaimResize::new(&l.storage_classes))),
    ),
    on(
        "RuntimeClass",
        Made(|l| Roles::both(RuntimeClasses::new(&l.runtime_classes))),
    ),
    on(
        "CertificateApproval",
        Made(|l| Roles::validating(ForSigner::new(Act::Approve, &l.permissions))),
    ),
    on(
        "CertificateSigning",
        Made(|l| Roles::validating(ForSigner::new(Act::Sign, &l.permissions))),
    ),
    on(
        "CertificateSubjectRestriction",
        Made(|_| Roles::validating(SubjectRestriction)),
    ),
    on(
        "DefaultIngressClass",
        Made(|l| Roles::mutating(DefaultIngressClass::new(&l.ingress_classes))),
    ),
    off(
        "DenyServiceExternalIPs",
        Made(|_| Roles::validating(DenyServiceExternalIps)),
    ),
    on("MutatingAdmissionWebhook", Nothing(NO_WEBHOOKS)),
    on("ValidatingAdmissionWebhook", Nothing(NO_WEBHOOKS)),
    on(
        "ResourceQuota",
        Made(|l| Roles::validating(ResourceQuotas::new(&l.resource_quotas, &l.quota_ledger))),
    ),
    off("AlwaysDeny", Made(|_| Roles::both(AlwaysDeny))),
];

const NOT_YET: &str = "not built yet";
const NO_WEBHOOKS: &str = "webhooks are not called yet";

struct Row {
    name: &'static str,
    on_by_default: bool,
    build: Build,
}

#[derive(Clone, Copy)]
enum Build {
    Made(fn(&Lookups) -> Roles),
    /// The plugin can be selected and has no effect, for this reason.
    Nothing(&'static str),
}
use Build::{Made, Nothing};

const fn on(name: &'static str, build: Build) -> Row {
    Row {
        name,
        on_by_default: true,
        build,
    }
}

const fn off(name: &'static str, build: Build) -> Row {
    Row {
        name,
        on_by_default: false,
        build,
    }
}

fn pod_security_policy(lookups: &Lookups) -> Roles {
    let permissions = lookups.permissions.clone();
    Roles::both(PodSecurityPolicy::new(
        lookups.policies.clone(),
        permissions,
    ))
}

fn service_accounts(lookups: &Lookups) -> Roles {
    let accounts = &lookups.service_accounts;
    Roles::both(ServiceAccounts::new(accounts, lookups.generate_name))
}

/// The plugins that the flags ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection(BTreeSet<&'static str>);

/// Flags that make no sense.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SelectionError {
    /// A name nobody knows.
    #[error("{flag}: plugin {name:?} is unknown; known are {}", known().join(", "))]
    Unknown {
        /// The flag that has it.
        flag: &'static str,
        /// The name.
        name: String,
    },
    /// A name that is to be both on and off.
    #[error("{0:?} in --enable-admission-plugins and --disable-admission-plugins overlapped")]
    Overlap(Vec<String>),
}

/// The names of all plugins, in their order.
pub fn known() -> Vec<&'static str> {
    ALL.iter().map(|row| row.name).collect()
}

impl Selection {
    /// The default set, with those of `--enable-admission-plugins` and without those of
    /// `--disable-admission-plugins`.
    ///
    /// # Errors
    /// [`SelectionError`]; upstream: `Validate` in `k8s.io/apiserver/pkg/server/options/admission.go`.
    pub fn from_flags<S: AsRef<str>>(enable: &[S], disable: &[S]) -> Result<Self, SelectionError> {
        let enable = named("--enable-admission-plugins", enable)?;
        let disable = named("--disable-admission-plugins", disable)?;
        let both: Vec<_> = enable
            .intersection(&disable)
            .map(|n| (*n).to_owned())
            .collect();
        if !both.is_empty() {
            return Err(SelectionError::Overlap(both));
        }
        let defaults = ALL
            .iter()
            .filter(|row| row.on_by_default)
            .map(|row| row.name);
        let wanted = defaults.chain(enable);
        Ok(Self(
            wanted.filter(|name| !disable.contains(name)).collect(),
        ))
    }

    /// Whether a plugin is selected.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// The selected plugins, in the order in which they run.
    pub fn names(&self) -> Vec<&'static str> {
        self.rows().map(|row| row.name).collect()
    }

    /// The selected plugins that have no effect, each with the reason: to be said once, at start.
    pub fn without_effect(&self) -> Vec<(&'static str, &'static str)> {
        let idle = self.rows().filter_map(|row| match row.build {
            Made(_) => None,
            Nothing(why) => Some((row.name, why)),
        });
        idle.collect()
    }

    /// Makes the plugins.
    pub fn build(&self, lookups: &Lookups) -> Chain {
        Chain::new(self.rows().filter_map(|row| match row.build {
            Made(make) => Some(make(lookups)),
            Nothing(_) => None,
        }))
    }

    fn rows(&self) -> impl Iterator<Item = &'static Row> {
        const ROWS: &[Row] = &ALL;
        ROWS.iter().filter(|row| self.contains(row.name))
    }
}

fn named<S: AsRef<str>>(
    flag: &'static str,
    names: &[S],
) -> Result<BTreeSet<&'static str>, SelectionError> {
    let find = |name: &S| {
        let row = ALL.iter().find(|row| row.name == name.as_ref());
        row.map(|row| row.name)
            .ok_or_else(|| SelectionError::Unknown {
                flag,
                name: name.as_ref().to_owned(),
            })
    };
    names.iter().map(find).collect()
}
