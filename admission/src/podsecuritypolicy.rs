//! `PodSecurityPolicy`: allows a pod if it is accepted by a policy that its creator or its service
//! account may use.
//!
//! Semantics are those of Kubernetes 1.20 (`plugin/pkg/admission/security/podsecuritypolicy`): on
//! creation a policy may set defaults in the pod, but one that needs none is preferred; on update
//! policies only validate. Messages are those of 1.20, except the prefix and the three messages
//! that the book prints.
//!
//! Unlike upstream, ephemeral containers are validated when they are added, and may get defaults;
//! the rest of the pod is not changed.

mod apparmor;
mod capabilities;
mod compiled;
mod defaults;
mod findings;
mod go;
mod group;
mod host_paths;
mod host_ports;
mod index;
mod invalid;
mod pod_view;
mod profiles;
mod provider;
mod seccomp;
mod selinux;
mod sysctls;
mod trial;
mod user;
mod volumes;

use std::cell::OnceCell;
use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Pod;
use portcullis_api::object::only_gc_fields_differ;
use portcullis_api::{ErrorList, GroupResource, Status, UserInfo};

use crate::permissions::{Names, Permission, Permissions};
use crate::trace::PolicyUse;
use crate::{Attributes, MutatingPlugin, Operation, ValidatingPlugin};
use compiled::CompiledPolicy;
use defaults::PodDefaults;
pub use index::PodSecurityPolicyIndex;
use pod_view::PodView;

/// The annotation of a pod with the name of the policy that accepted it.
pub const POLICY_ANNOTATION: &str = "kubernetes.io/psp";
/// The API groups in which rules may grant `use` of policies.
const GROUPS: [&str; 2] = ["policy", "extensions"];

/// The admission plugin `PodSecurityPolicy`.
#[allow(
    missing_debug_implementations,
    reason = "permissions do not implement it"
)]
pub struct PodSecurityPolicy {
    policies: Arc<PodSecurityPolicyIndex>,
    permissions: Arc<dyn Permissions>,
}

/// Where policies may set defaults.
#[derive(Clone, Copy, PartialEq, Eq)]
enum DefaultsIn {
    Nothing,
    EphemeralContainers,
    WholePod,
}

/// The result of trying the policies.
enum Outcome<'c> {
    /// This policy accepts the pod, with these defaults.
    Allowed(&'c CompiledPolicy, PodDefaults<'c>),
    /// No policy accepts it; the errors of all that the caller may use.
    Denied(ErrorList),
}

/// The users whose permission to use a policy in the pod's namespace counts.
struct Caller<'a> {
    permissions: &'a dyn Permissions,
    service_account: Option<UserInfo>,
    user: &'a UserInfo,
    namespace: &'a str,
    /// The policies that they may use, for each of [`Caller::queries`]. Evaluated lazily, as an
    /// earlier query often suffices.
    usable: [OnceCell<Names>; 2 * GROUPS.len()],
}

// === impl PodSecurityPolicy ===

impl PodSecurityPolicy {
    /// A plugin that tries the policies of an index.
    pub fn new(policies: Arc<PodSecurityPolicyIndex>, permissions: Arc<dyn Permissions>) -> Self {
        Self {
            policies,
            permissions,
        }
    }

    fn caller<'a>(&'a self, attributes: &Attributes<'a>, pod: &Pod) -> Caller<'a> {
        let account = pod
            .spec
            .as_ref()
            .and_then(|s| s.service_account_name.as_deref());
        let account = account.filter(|name| !name.is_empty());
        Caller {
            permissions: self.permissions.as_ref(),
            service_account: account
                .map(|name| UserInfo::service_account(attributes.namespace, name)),
            user: attributes.user,
            namespace: attributes.namespace,
            usable: Default::default(),
        }
    }
}

#[async_trait]
impl MutatingPlugin for PodSecurityPolicy {
    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), Status> {
        let scope = match attributes.operation {
            Operation::Create if attributes.is_pods() => DefaultsIn::WholePod,
            Operation::Update if attributes.is_ephemeral_containers() => {
                DefaultsIn::EphemeralContainers
            }
            _ => return Ok(()),
        };
        let policies = self.policies.snapshot();
        let pod = attributes.pod()?;
        if is_garbage_collection(attributes, pod) {
            return Ok(());
        }
        let caller = self.caller(attributes, pod);
        let hint = hint(pod).filter(|_| scope != DefaultsIn::WholePod);
        let hint = hint.map(str::to_owned);
        let tried = hinted_first(&policies, hint.as_deref());
        let outcome = first_that_accepts(tried.clone(), pod, &caller, scope);
        trial::record(attributes.trace, tried, pod, &caller, &outcome);
        let (name, defaults) = match outcome {
            Outcome::Allowed(policy, defaults) => (policy.name.as_str(), defaults),
            Outcome::Denied(errors) => return Err(denial(attributes, policies.len(), &errors)),
        };
        let key = "podsecuritypolicy.policy.k8s.io/admit-policy";
        attributes.audit_annotations.add(key, name);
        let pod = attributes.pod_mut()?;
        defaults.apply(pod);
        if scope != DefaultsIn::WholePod {
            return Ok(());
        }
        let annotations = pod.metadata.annotations.get_or_insert_default();
        annotations.insert(POLICY_ANNOTATION.to_owned(), name.to_owned());
        Ok(())
    }
}

#[async_trait]
impl ValidatingPlugin for PodSecurityPolicy {
    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        if !attributes.may_add_containers() {
            return Ok(());
        }
        let pod = attributes.pod()?;
        if is_garbage_collection(attributes, pod) {
            return Ok(());
        }
        let policies = self.policies.snapshot();
        let caller = self.caller(attributes, pod);
        let tried = hinted_first(&policies, hint(pod));
        let outcome = first_that_accepts(tried.clone(), pod, &caller, DefaultsIn::Nothing);
        trial::record(attributes.trace, tried, pod, &caller, &outcome);
        match outcome {
            Outcome::Allowed(policy, _) => {
                let key = "podsecuritypolicy.policy.k8s.io/validate-policy";
                attributes.audit_annotations.add(key, &policy.name);
                Ok(())
            }
            Outcome::Denied(errors) => Err(denial(attributes, policies.len(), &errors)),
        }
    }
}

/// Whether an update changes only fields of the garbage collector, which requires no policy.
fn is_garbage_collection(attributes: &Attributes<'_>, pod: &Pod) -> bool {
    let old = attributes.old_object;
    attributes.operation == Operation::Update
        && old.is_some_and(|old| only_gc_fields_differ(pod, old))
}

/// The policy that accepted the pod when it was created, from its annotation.
fn hint(pod: &Pod) -> Option<&str> {
    let annotations = pod.metadata.annotations.as_ref()?;
    annotations.get(POLICY_ANNOTATION).map(String::as_str)
}

/// All policies, the hinted one first.
fn hinted_first<'c>(
    policies: &'c [Arc<CompiledPolicy>],
    hint: Option<&'c str>,
) -> impl Iterator<Item = &'c CompiledPolicy> + Clone {
    let is_hinted = move |policy: &&CompiledPolicy| Some(policy.name.as_str()) == hint;
    let all = policies.iter().map(Arc::as_ref);
    let others = all.clone().filter(move |policy| !is_hinted(policy));
    all.filter(is_hinted).chain(others)
}

/// The first policy that accepts the pod without defaults, or else, within `scope`, the first that
/// accepts it with its defaults (upstream: `computeSecurityContext`, which tries all policies
/// before it authorizes; the outcome is the same).
fn first_that_accepts<'c>(
    policies: impl Iterator<Item = &'c CompiledPolicy> + Clone,
    pod: &Pod,
    caller: &Caller<'_>,
    scope: DefaultsIn,
) -> Outcome<'c> {
    let view = PodView::new(pod);
    let mut with_defaults = None;
    let usable = policies.filter(|policy| caller.may(policy));
    for policy in usable.clone() {
        let Some(defaults) = provider::accepts(policy, &view) else {
            continue;
        };
        if defaults.is_empty() {
            return Outcome::Allowed(policy, defaults);
        }
        let in_scope = match scope {
            DefaultsIn::Nothing => false,
            DefaultsIn::EphemeralContainers => defaults.are_of_ephemeral_containers(pod),
            DefaultsIn::WholePod => true,
        };
        if in_scope && with_defaults.is_none() {
            with_defaults = Some((policy, defaults));
        }
    }
    if let Some((policy, defaults)) = with_defaults {
        return Outcome::Allowed(policy, defaults);
    }
    // Upstream reports the policies in random order; here they are in the order in which they are
    // tried.
    let errors = usable.filter_map(|policy| provider::evaluate(policy, &view).err());
    Outcome::Denied(errors.flatten().collect())
}

fn denial(attributes: &Attributes<'_>, policies: usize, errors: &ErrorList) -> Status {
    if policies == 0 {
        return attributes.forbidden("no providers available to validate pod request");
    }
    let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
    attributes.forbidden(&format!(
        "unable to validate against any pod security policy: [{}]",
        errors.join(" "),
    ))
}

// === impl Caller ===

impl Caller<'_> {
    /// The users whose permission counts, in the order in which they are checked.
    fn users(&self) -> impl Iterator<Item = &UserInfo> {
        self.service_account.iter().chain([self.user])
    }

    /// Each user with each API group in which their permission may be granted.
    fn queries(&self) -> impl Iterator<Item = (&UserInfo, &'static str)> {
        self.users()
            .flat_map(|user| GROUPS.map(|group| (user, group)))
    }

    fn permission<'d>(&'d self, group: &'d str, name: &'d str) -> Permission<'d> {
        Permission {
            verb: "use",
            resource: GroupResource {
                group,
                resource: "podsecuritypolicies",
            },
            subresource: "",
            namespace: self.namespace,
            name,
        }
    }

    /// Whether one of the users may use the policy (upstream: `isAuthorizedForPolicy`).
    fn may(&self, policy: &CompiledPolicy) -> bool {
        self.queries()
            .zip(&self.usable)
            .any(|((user, group), usable)| {
                let evaluate = || self.permissions.names(user, &self.permission(group, ""));
                usable.get_or_init(evaluate)(&policy.name)
            })
    }

    /// The first user who may use the policy, and why.
    fn may_use(&self, policy: &CompiledPolicy) -> Option<PolicyUse> {
        self.queries().find_map(|(user, group)| {
            let permission = self.permission(group, &policy.name);
            let reason = self.permissions.allow(user, &permission)?;
            Some(PolicyUse {
                user: user.name.clone(),
                group,
                reason,
            })
        })
    }
}
