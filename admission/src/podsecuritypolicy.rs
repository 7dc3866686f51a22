//! `PodSecurityPolicy`: a pod is let in if some policy that its creator, or its service account, may
//! use accepts it.
//!
//! Semantics are those of Kubernetes 1.20 (`plugin/pkg/admission/security/podsecuritypolicy`): on
//! creation policies may fill in what the pod leaves open, and one that need not is preferred; on
//! update they only judge. Texts are 1.20's, except the three and the head line that the book
//! prints.
//!
//! Otherwise than upstream, ephemeral containers are judged as they are added, and may be filled in:
//! what is there of the pod stays as it is.

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
mod pod_view;
mod profiles;
mod provider;
mod seccomp;
mod selinux;
mod sysctls;
mod trial;
mod unusable;
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
pub use index::PolicyIndex;
use pod_view::PodView;

/// The name in `--enable-admission-plugins`.
pub(crate) const NAME: &str = "PodSecurityPolicy";
/// The annotation of a pod that names the policy that let it in.
pub const POLICY_ANNOTATION: &str = "kubernetes.io/psp";
/// Rules that grant `use` name the policy in one of these API groups.
const GROUPS: [&str; 2] = ["policy", "extensions"];

/// The plugin.
#[allow(missing_debug_implementations, reason = "the permissions need none")]
pub struct PodSecurityPolicy {
    policies: Arc<PolicyIndex>,
    permissions: Arc<dyn Permissions>,
}

/// What policies may fill in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fills {
    Nothing,
    /// Only what is left open in ephemeral containers.
    EphemeralContainers,
    Everything,
}

/// How the policies were tried.
enum Outcome<'c> {
    Allowed(&'c CompiledPolicy, PodDefaults<'c>),
    /// With the errors of all policies that the caller may use.
    Refused(ErrorList),
}

/// Who asks to have the pod in its namespace.
struct Caller<'a> {
    permissions: &'a dyn Permissions,
    service_account: Option<UserInfo>,
    user: &'a UserInfo,
    namespace: &'a str,
    /// The policies that they may use, for each question there is, in the order of asking; each is
    /// asked when those before it have not settled something.
    usable: [OnceCell<Names>; 2 * GROUPS.len()],
}

// === impl PodSecurityPolicy ===

impl PodSecurityPolicy {
    /// A plugin that tries the policies of this index.
    pub fn new(policies: Arc<PolicyIndex>, permissions: Arc<dyn Permissions>) -> Self {
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
    fn name(&self) -> &'static str {
        NAME
    }

    fn handles(&self, operation: Operation) -> bool {
        matches!(operation, Operation::Create | Operation::Update)
    }

    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), Status> {
        let fills = match attributes.operation {
            Operation::Create if attributes.is_of_pods() => Fills::Everything,
            Operation::Update if attributes.is_of_ephemeral_containers() => {
                Fills::EphemeralContainers
            }
            _ => return Ok(()),
        };
        let policies = self.policies.snapshot();
        let pod = attributes.pod()?;
        if is_collection_of_garbage(attributes, pod) {
            return Ok(());
        }
        let caller = self.caller(attributes, pod);
        let hint = hint(pod).filter(|_| fills != Fills::Everything);
        let hint = hint.map(str::to_owned);
        let tried = hinted_first(&policies, hint.as_deref());
        let outcome = first_that_allows(tried.clone(), pod, &caller, fills);
        trial::note(attributes.trace, tried, pod, &caller, &outcome);
        let (name, defaults) = match outcome {
            Outcome::Allowed(policy, defaults) => (policy.name.as_str(), defaults),
            Outcome::Refused(errors) => return Err(refusal(attributes, policies.len(), &errors)),
        };
        let key = "podsecuritypolicy.policy.k8s.io/admit-policy";
        attributes.audit_annotations.add(key, name);
        let pod = attributes.pod_mut()?;
        defaults.apply(pod);
        if fills != Fills::Everything {
            return Ok(());
        }
        let annotations = pod.metadata.annotations.get_or_insert_default();
        annotations.insert(POLICY_ANNOTATION.to_owned(), name.to_owned());
        Ok(())
    }
}

#[async_trait]
impl ValidatingPlugin for PodSecurityPolicy {
    fn name(&self) -> &'static str {
        NAME
    }

    fn handles(&self, operation: Operation) -> bool {
        matches!(operation, Operation::Create | Operation::Update)
    }

    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        if !attributes.is_of_containers() {
            return Ok(());
        }
        let pod = attributes.pod()?;
        if is_collection_of_garbage(attributes, pod) {
            return Ok(());
        }
        let policies = self.policies.snapshot();
        let caller = self.caller(attributes, pod);
        let tried = hinted_first(&policies, hint(pod));
        let outcome = first_that_allows(tried.clone(), pod, &caller, Fills::Nothing);
        trial::note(attributes.trace, tried, pod, &caller, &outcome);
        match outcome {
            Outcome::Allowed(policy, _) => {
                let key = "podsecuritypolicy.policy.k8s.io/validate-policy";
                attributes.audit_annotations.add(key, &policy.name);
                Ok(())
            }
            Outcome::Refused(errors) => Err(refusal(attributes, policies.len(), &errors)),
        }
    }
}

/// Whether an update changes nothing but what the garbage collector does, which needs no policy.
fn is_collection_of_garbage(attributes: &Attributes<'_>, pod: &Pod) -> bool {
    let old = attributes.old_object;
    attributes.operation == Operation::Update
        && old.is_some_and(|old| only_gc_fields_differ(pod, old))
}

/// The policy under which the pod was admitted, from its annotation.
fn hint(pod: &Pod) -> Option<&str> {
    let annotations = pod.metadata.annotations.as_ref()?;
    annotations.get(POLICY_ANNOTATION).map(String::as_str)
}

/// All policies, the one that is hinted at before the others.
fn hinted_first<'c>(
    policies: &'c [Arc<CompiledPolicy>],
    hint: Option<&'c str>,
) -> impl Iterator<Item = &'c CompiledPolicy> + Clone {
    let is_hinted = move |policy: &&CompiledPolicy| Some(policy.name.as_str()) == hint;
    let all = policies.iter().map(Arc::as_ref);
    let others = all.clone().filter(move |policy| !is_hinted(policy));
    all.filter(is_hinted).chain(others)
}

/// The first policy that accepts the pod as it is, or else, where that is allowed, the first that
/// accepts it with what it fills in (upstream: `computeSecurityContext`, which tries all policies and
/// then asks whether the one that fits may be used; nobody sees the difference).
fn first_that_allows<'c>(
    policies: impl Iterator<Item = &'c CompiledPolicy> + Clone,
    pod: &Pod,
    caller: &Caller<'_>,
    fills: Fills,
) -> Outcome<'c> {
    let view = PodView::new(pod);
    let mut with_changes = None;
    let usable = policies.filter(|policy| caller.may(policy));
    for policy in usable.clone() {
        let Some(defaults) = provider::accepts(policy, &view) else {
            continue;
        };
        if defaults.is_empty() {
            return Outcome::Allowed(policy, defaults);
        }
        let may_fill_in = match fills {
            Fills::Nothing => false,
            Fills::EphemeralContainers => defaults.are_of_ephemeral_containers(pod),
            Fills::Everything => true,
        };
        if may_fill_in && with_changes.is_none() {
            with_changes = Some((policy, defaults));
        }
    }
    if let Some((policy, defaults)) = with_changes {
        return Outcome::Allowed(policy, defaults);
    }
    // Upstream's order between policies is random; here it is that of trying them.
    let refusals = usable.filter_map(|policy| provider::evaluate(policy, &view).err());
    Outcome::Refused(refusals.flatten().collect())
}

fn refusal(attributes: &Attributes<'_>, policies: usize, errors: &ErrorList) -> Status {
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
    /// Whose right to use a policy counts, in the order of asking.
    fn asked(&self) -> impl Iterator<Item = &UserInfo> {
        self.service_account.iter().chain([self.user])
    }

    /// Whose right to use a policy counts, and by rules of which group.
    fn questions(&self) -> impl Iterator<Item = (&UserInfo, &'static str)> {
        self.asked()
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

    /// Whether anybody who counts may use the policy (upstream: `isAuthorizedForPolicy`).
    fn may(&self, policy: &CompiledPolicy) -> bool {
        self.questions()
            .zip(&self.usable)
            .any(|((user, group), usable)| {
                let ask = || self.permissions.names(user, &self.permission(group, ""));
                usable.get_or_init(ask)(&policy.name)
            })
    }

    /// Who may use the policy, and why.
    fn may_use(&self, policy: &CompiledPolicy) -> Option<PolicyUse> {
        self.questions().find_map(|(user, group)| {
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
