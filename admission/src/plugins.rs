//! The only list of plugins: names, order, which are on by default, the operations for which they
//! are called, and constructors.

mod always;
mod anti_affinity;
mod certificates;
mod claim_resize;
pub(crate) mod default_class;
mod default_toleration_seconds;
mod deny_external_ips;
mod event_rate_limit;
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
mod row;
mod runtime_class;
mod security_context_deny;
mod service_account;
mod storage_protection;
mod taint_nodes;
mod tolerations;

use std::collections::BTreeSet;
use std::sync::Arc;

use thiserror::Error;

use crate::chain::{Chain, Operations};
use crate::lookups::Lookups;
use crate::operation::Operation::{self, Create, Delete, Update};
use crate::podsecuritypolicy::PodSecurityPolicy;
use crate::policy::mutating::MutatingPolicyPlugin;
use crate::policy::validating::ValidatingPolicyPlugin;
use crate::webhook::mutating::MutatingWebhooks;
use crate::webhook::validating::ValidatingWebhooks;
use always::{AlwaysDeny, AlwaysPullImages};
use anti_affinity::LimitPodHardAntiAffinityTopology;
use certificates::{SignerAction, SignerPermission, SubjectRestriction};
use claim_resize::ClaimResize;
use default_class::{DefaultIngressClass, DefaultStorageClass};
use default_toleration_seconds::DefaultTolerationSeconds;
use deny_external_ips::DenyServiceExternalIps;
use event_rate_limit::EventRateLimit;
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
use row::Plugin::{Both, Mutating, NoEffect, Validating};
use row::{Row, both, off, on};
use runtime_class::RuntimeClasses;
use security_context_deny::SecurityContextDeny;
use service_account::ServiceAccounts;
use storage_protection::StorageObjectInUseProtection;
use taint_nodes::TaintNodesByCondition;

const CREATE: Operations = &[Create];
const UPDATE: Operations = &[Update];
const CREATE_UPDATE: Operations = &[Create, Update];
const CREATE_UPDATE_DELETE: Operations = &[Create, Update, Delete];

/// The plugins in the order in which they run, whatever the order of the flags.
///
/// Upstream: `AllOrderedPlugins` and `DefaultOffAdmissionPlugins` in
/// `pkg/kubeapiserver/options/plugins.go` of 1.24, and of 1.37 for policies.
const ALL: [Row; 37] = [
    off(
        "AlwaysAdmit",
        NoEffect("it allows every request, as upstream's does"),
    ),
    off(
        "NamespaceAutoProvision",
        NoEffect("namespaces are never created implicitly"),
    ),
    on(
        "NamespaceLifecycle",
        Mutating(CREATE_UPDATE_DELETE, |l| {
            Arc::new(NamespaceLifecycle::new(&l.namespaces))
        }),
    ),
    off(
        "NamespaceExists",
        Validating(CREATE_UPDATE_DELETE, |l| {
            Arc::new(NamespaceExists::new(&l.namespaces))
        }),
    ),
    off(
        "SecurityContextDeny",
        Validating(CREATE_UPDATE, |_| Arc::new(SecurityContextDeny)),
    ),
    off(
        "LimitPodHardAntiAffinityTopology",
        Validating(CREATE_UPDATE, |_| {
            Arc::new(LimitPodHardAntiAffinityTopology)
        }),
    ),
    on(
        "LimitRanger",
        Both(CREATE, CREATE_UPDATE, |l| {
            both(LimitRanger::new(&l.limit_ranges))
        }),
    ),
    on(
        "ServiceAccount",
        Both(CREATE, CREATE_UPDATE, |l| {
            both(ServiceAccounts::new(&l.service_accounts, l.generate_name))
        }),
    ),
    off(
        "NodeRestriction",
        Mutating(CREATE_UPDATE_DELETE, |l| {
            Arc::new(NodeRestriction::new(&l.pods, &l.nodes))
        }),
    ),
    on(
        "TaintNodesByCondition",
        Mutating(CREATE, |_| Arc::new(TaintNodesByCondition)),
    ),
    off(
        "AlwaysPullImages",
        Mutating(CREATE_UPDATE, |_| Arc::new(AlwaysPullImages)),
    ),
    off("ImagePolicyWebhook", NoEffect(NOT_IMPLEMENTED)),
    on(
        "PodSecurity",
        Validating(CREATE_UPDATE, |l| {
            let defaults = &l.configuration.pod_security;
            Arc::new(PodSecurity::new(&l.namespaces, &l.pods, defaults))
        }),
    ),
    off(
        "PodSecurityPolicy",
        Both(CREATE_UPDATE, CREATE_UPDATE, |l| {
            both(PodSecurityPolicy::new(
                l.pod_security_policies.clone(),
                l.permissions.clone(),
            ))
        }),
    ),
    off(
        "PodNodeSelector",
        Both(CREATE, CREATE, |l| {
            let selectors = &l.configuration.node_selectors;
            both(PodNodeSelector::new(&l.namespaces, selectors))
        }),
    ),
    on(
        "Priority",
        Both(CREATE_UPDATE, CREATE_UPDATE, |l| {
            both(Priority::new(&l.priority_classes))
        }),
    ),
    on(
        "DefaultTolerationSeconds",
        Mutating(CREATE_UPDATE, |_| Arc::new(DefaultTolerationSeconds)),
    ),
    off("PodTolerationRestriction", NoEffect(NOT_IMPLEMENTED)),
    off(
        "EventRateLimit",
        Validating(CREATE_UPDATE, |l| {
            Arc::new(EventRateLimit::new(&l.configuration.event_limits))
        }),
    ),
    off(
        "ExtendedResourceToleration",
        Mutating(CREATE_UPDATE, |_| Arc::new(ExtendedResourceToleration)),
    ),
    off(
        "PersistentVolumeLabel",
        NoEffect("no cloud provider labels volumes here"),
    ),
    on(
        "DefaultStorageClass",
        Mutating(CREATE, |l| {
            Arc::new(DefaultStorageClass::new(&l.storage_classes))
        }),
    ),
    on(
        "StorageObjectInUseProtection",
        Mutating(CREATE, |_| Arc::new(StorageObjectInUseProtection)),
    ),
    off(
        "OwnerReferencesPermissionEnforcement",
        Validating(CREATE_UPDATE, |l| {
            Arc::new(OwnerReferences::new(&l.permissions, l.resource_of.clone()))
        }),
    ),
    on(
        "PersistentVolumeClaimResize",
        Validating(UPDATE, |l| Arc::new(ClaimResize::new(&l.storage_classes))),
    ),
    on(
        "RuntimeClass",
        Both(CREATE, CREATE, |l| {
            both(RuntimeClasses::new(&l.runtime_classes))
        }),
    ),
    on(
        "CertificateApproval",
        Validating(UPDATE, |l| {
            Arc::new(SignerPermission::new(SignerAction::Approve, &l.permissions))
        }),
    ),
    on(
        "CertificateSigning",
        Validating(UPDATE, |l| {
            Arc::new(SignerPermission::new(SignerAction::Sign, &l.permissions))
        }),
    ),
    on(
        "CertificateSubjectRestriction",
        Validating(CREATE, |_| Arc::new(SubjectRestriction)),
    ),
    on(
        "DefaultIngressClass",
        Mutating(CREATE, |l| {
            Arc::new(DefaultIngressClass::new(&l.ingress_classes))
        }),
    ),
    off(
        "DenyServiceExternalIPs",
        Validating(CREATE_UPDATE, |_| Arc::new(DenyServiceExternalIps)),
    ),
    on(
        "MutatingAdmissionPolicy",
        Mutating(CREATE_UPDATE, |l| Arc::new(MutatingPolicyPlugin::new(l))),
    ),
    on(
        "MutatingAdmissionWebhook",
        Mutating(&Operation::ALL, |l| Arc::new(MutatingWebhooks::new(l))),
    ),
    on(
        "ValidatingAdmissionPolicy",
        Validating(&Operation::ALL, |l| {
            Arc::new(ValidatingPolicyPlugin::new(l))
        }),
    ),
    on(
        "ValidatingAdmissionWebhook",
        Validating(&Operation::ALL, |l| Arc::new(ValidatingWebhooks::new(l))),
    ),
    on(
        "ResourceQuota",
        Validating(CREATE_UPDATE, |l| {
            let limited = &l.configuration.limited_resources;
            Arc::new(ResourceQuotas::new(
                &l.resource_quotas,
                &l.quota_ledger,
                limited,
            ))
        }),
    ),
    off(
        "AlwaysDeny",
        Both(&Operation::ALL, &Operation::ALL, |_| both(AlwaysDeny)),
    ),
];

const NOT_IMPLEMENTED: &str = "not implemented yet";

/// The plugins that the flags select.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection(BTreeSet<&'static str>);

/// Invalid flags.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SelectionError {
    /// No plugin has this name.
    #[error("{flag}: unknown plugin {name:?}, expected one of {}", known().join(", "))]
    Unknown {
        /// The flag that contains it.
        flag: &'static str,
        /// The unknown name.
        name: String,
    },
    /// These names are both enabled and disabled.
    #[error("{0:?} in --enable-admission-plugins and --disable-admission-plugins overlapped")]
    Overlap(Vec<String>),
}

/// The names of all plugins, in the order in which they run.
pub fn known() -> Vec<&'static str> {
    ALL.iter().map(|row| row.name).collect()
}

impl Selection {
    /// The default set, plus `--enable-admission-plugins`, minus `--disable-admission-plugins`.
    ///
    /// # Errors
    /// [`SelectionError`]; upstream: `Validate` in
    /// `k8s.io/apiserver/pkg/server/options/admission.go`.
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

    /// The selected plugins that have no effect, as (name, reason), to be logged once at start.
    pub fn without_effect(&self) -> Vec<(&'static str, &'static str)> {
        let idle = self.rows().filter_map(|row| match row.plugin {
            NoEffect(why) => Some((row.name, why)),
            _ => None,
        });
        idle.collect()
    }

    /// Constructs the selected plugins.
    pub fn build(&self, lookups: &Lookups) -> Chain {
        let mut chain = Chain::counting(lookups.metrics.clone());
        for row in self.rows() {
            match row.plugin {
                Mutating(on, new) => chain.add_mutating(row.name, on, new(lookups)),
                Validating(on, new) => chain.add_validating(row.name, on, new(lookups)),
                Both(mutates_on, validates_on, new) => {
                    let (mutating, validating) = new(lookups);
                    chain.add_mutating(row.name, mutates_on, mutating);
                    chain.add_validating(row.name, validates_on, validating);
                }
                NoEffect(_) => {}
            }
        }
        chain
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
