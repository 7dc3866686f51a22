//! `PodSecurity`: the Pod Security Standards, chosen by labels of a namespace. It replaced
//! `PodSecurityPolicy` upstream; here both are available.
//!
//! Upstream: `k8s.io/pod-security-admission/admission/admission.go`. Unless a file says otherwise there
//! are no exemptions, and a namespace without labels is `privileged`.

mod checks;
mod labels;
mod standard;
mod subject;
mod template;
mod violation;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::{Namespace, Pod, PodSpec};
use portcullis_api::{GroupResource, Object, Status};

use crate::attributes::PODS;
use crate::configuration::pod_security::{Level, LevelVersion, PodSecurityDefaults, Policy};
use crate::lookup::{Lookup, Stored};
use crate::{Attributes, Operation, ValidatingPlugin};
use checks::context::{SECCOMP_CONTAINER, SECCOMP_POD};
use standard::Violations;
use template::PodLike;

const NAMESPACES: GroupResource<'static> = GroupResource {
    group: "",
    resource: "namespaces",
};
/// Subresources through which a pod's spec cannot change.
const IGNORED_SUBRESOURCES: [&str; 8] = [
    "exec",
    "attach",
    "binding",
    "eviction",
    "log",
    "portforward",
    "proxy",
    "status",
];
/// The number of existing pods that are checked when the level of a namespace changes.
const MAX_PODS_TO_CHECK: usize = 3000;

pub(crate) struct PodSecurity {
    namespaces: Arc<dyn Lookup<Namespace>>,
    pods: Arc<dyn Stored<Pod>>,
    defaults: PodSecurityDefaults,
}

impl PodSecurity {
    pub(crate) fn new(
        namespaces: &Arc<dyn Lookup<Namespace>>,
        pods: &Arc<dyn Stored<Pod>>,
        defaults: &PodSecurityDefaults,
    ) -> Self {
        Self {
            namespaces: Arc::clone(namespaces),
            pods: Arc::clone(pods),
            defaults: defaults.clone(),
        }
    }

    /// Whether namespace or user are exempt, which is noted for the audit log.
    fn exempts(&self, attributes: &Attributes<'_>) -> bool {
        let user = &attributes.user.name;
        let why = self.defaults.exempts(attributes.namespace, user);
        if let Some(why) = why {
            annotate(attributes, "exempt", why);
        }
        why.is_some()
    }

    /// Whether pods of the runtime class are exempt, which is noted likewise.
    fn exempts_class(&self, attributes: &Attributes<'_>, pod: &PodLike<'_>) -> bool {
        let exempts = self.defaults.exempts_class(Some(pod.spec));
        if exempts {
            annotate(attributes, "exempt", "runtimeClass");
        }
        exempts
    }

    /// The policy of the request's namespace, and the errors of its labels.
    async fn policy(&self, attributes: &Attributes<'_>) -> Result<(Policy, String), Status> {
        let name = attributes.namespace;
        let namespace = match self.namespaces.get("", name) {
            Some(namespace) => Some(namespace),
            None => self.namespaces.get_live("", name).await?,
        };
        let Some(namespace) = namespace else {
            let why = format!("failed to lookup namespace {name:?}");
            return Err(Status::internal(why));
        };
        let (policy, errors) =
            Policy::of(namespace.metadata.labels.as_ref(), &self.defaults.policy);
        let errors = match errors.is_empty() {
            true => String::new(),
            false => portcullis_api::field_error::aggregate(&errors),
        };
        Ok((policy, errors))
    }

    async fn validate_pod(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        if IGNORED_SUBRESOURCES.contains(&attributes.subresource) {
            return Ok(());
        }
        if self.exempts(attributes) {
            return Ok(());
        }
        let (policy, errors) = self.policy(attributes).await?;
        if errors.is_empty() && policy.is_privileged() {
            return Ok(());
        }
        let pod = attributes.pod()?;
        let old = attributes.old_object.and_then(<dyn Object>::as_kind::<Pod>);
        if attributes.operation == Operation::Update
            && old.is_some_and(|old| !is_significant_update(pod, old))
        {
            return Ok(());
        }
        let pod = PodLike::of(pod);
        if self.exempts_class(attributes, &pod) {
            return Ok(());
        }
        let enforced = policy.enforce.to_string();
        annotate(attributes, "enforce-policy", &enforced);
        let violations = standard::evaluate(policy.enforce, &pod);
        audit_and_warn(attributes, &policy, &errors, &pod, violations.is_empty());
        if violations.is_empty() {
            return Ok(());
        }
        let details = violations.details();
        let why = format!("violates PodSecurity {enforced:?}: {details}");
        Err(attributes.forbidden(&why))
    }

    /// Audits and warns of an object with a pod template; only its pods are denied.
    async fn validate_template(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        let Some(pod) = template::of(attributes) else {
            return Ok(());
        };
        if self.exempts(attributes) || self.exempts_class(attributes, &pod) {
            return Ok(());
        }
        let (policy, errors) = match self.policy(attributes).await {
            Ok(found) => found,
            Err(status) => {
                annotate(attributes, "error", &status.message);
                return Ok(());
            }
        };
        audit_and_warn(attributes, &policy, &errors, &pod, true);
        Ok(())
    }

    async fn validate_namespace(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        let namespace: &Namespace = attributes.typed()?;
        let (policy, errors) =
            Policy::of(namespace.metadata.labels.as_ref(), &self.defaults.policy);
        let old = attributes
            .old_object
            .and_then(<dyn Object>::as_kind::<Namespace>);
        let old = old.map(|old| Policy::of(old.metadata.labels.as_ref(), &self.defaults.policy));
        let unchanged = old
            .as_ref()
            .is_some_and(|(_, old_errors)| *old_errors == errors);
        if !errors.is_empty() && !unchanged {
            return Err(Status::invalid(attributes.kind, attributes.name, &errors));
        }
        let Some((old, _)) = old else { return Ok(()) };
        let (new, old) = (policy.enforce, old.enforce);
        let relaxed = new.version == old.version && new.level <= old.level;
        let exempt = self.defaults.exempts(attributes.name, "").is_some();
        if new != old && new.level != Level::Privileged && !relaxed && !exempt {
            self.warn_of_existing_pods(attributes, new).await;
        }
        Ok(())
    }

    async fn warn_of_existing_pods(&self, attributes: &Attributes<'_>, level: LevelVersion) {
        let Ok(pods) = self.pods.list(attributes.name).await else {
            let why = "failed to list pods while checking new PodSecurity enforce level";
            attributes.warnings.add(why.to_owned());
            return;
        };
        let checked = pods.len().min(MAX_PODS_TO_CHECK);
        let mut names: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        let exempts = |pod: &&Arc<Pod>| self.defaults.exempts_class(pod.spec.as_ref());
        for pod in pods.iter().take(checked).filter(|pod| !exempts(pod)) {
            let violations = standard::evaluate(level, &PodLike::of(pod));
            if !violations.is_empty() {
                let name = pod.metadata.name.as_deref().unwrap_or_default();
                names.entry(violations.reasons()).or_default().push(name);
            }
        }
        let warnings = &attributes.warnings;
        if checked < pods.len() {
            let all = pods.len();
            warnings.add(format!(
                "new PodSecurity enforce level only checked against the first {checked} of {all} existing pods"
            ));
        }
        if !names.is_empty() {
            let (name, level) = (attributes.name, level.to_string());
            warnings.add(format!(
                "existing pods in namespace {name:?} violate the new PodSecurity enforce level {level:?}"
            ));
        }
        let mut of_pods: Vec<_> = names
            .iter()
            .map(|(why, names)| warning(names, why))
            .collect();
        of_pods.sort_unstable();
        of_pods
            .into_iter()
            .for_each(|warning| warnings.add(warning));
    }
}

#[async_trait]
impl ValidatingPlugin for PodSecurity {
    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        if attributes.resource == PODS {
            self.validate_pod(attributes).await
        } else if !attributes.subresource.is_empty() {
            Ok(())
        } else if attributes.resource == NAMESPACES {
            self.validate_namespace(attributes).await
        } else {
            self.validate_template(attributes).await
        }
    }
}

/// Adds audit annotations and, unless the request is denied anyway, warnings.
fn audit_and_warn(
    attributes: &Attributes<'_>,
    policy: &Policy,
    errors: &str,
    pod: &PodLike<'_>,
    warns: bool,
) {
    if !errors.is_empty() {
        annotate(
            attributes,
            "error",
            &format!("Failed to parse policy: {errors}"),
        );
    }
    let would = |level: LevelVersion, violations: &Violations| {
        let (level, details) = (level.to_string(), violations.details());
        format!("would violate PodSecurity {level:?}: {details}")
    };
    let violations = standard::evaluate(policy.audit, pod);
    if !violations.is_empty() {
        let text = would(policy.audit, &violations);
        annotate(attributes, "audit-violations", &text);
    }
    let violations = standard::evaluate(policy.warn, pod);
    if warns && !violations.is_empty() {
        attributes.warnings.add(would(policy.warn, &violations));
    }
}

fn annotate(attributes: &Attributes<'_>, key: &str, value: &str) {
    let key = format!("{}{key}", labels::PREFIX);
    attributes.audit_annotations.add(&key, value);
}

/// One warning for all pods with the same violations.
fn warning(pods: &[&str], why: &str) -> String {
    let first = pods.iter().min().copied().unwrap_or_default();
    match pods.len() {
        0 | 1 => format!("{first}: {why}"),
        2 => format!("{first} (and 1 other pod): {why}"),
        several => format!("{first} (and {} other pods): {why}", several - 1),
    }
}

/// Whether an update changes images or annotated seccomp profiles; everything else that the
/// standards check is immutable (upstream: `isSignificantPodUpdate`).
fn is_significant_update(new: &Pod, old: &Pod) -> bool {
    let (Some(spec), Some(old_spec)) = (&new.spec, &old.spec) else {
        return true;
    };
    seccomp_annotations(new) != seccomp_annotations(old) || changes_images(spec, old_spec)
}

fn seccomp_annotations(pod: &Pod) -> Vec<(&String, &String)> {
    let all = pod.metadata.annotations.iter().flatten();
    all.filter(|(key, _)| *key == SECCOMP_POD || key.starts_with(SECCOMP_CONTAINER))
        .collect()
}

fn changes_images(new: &PodSpec, old: &PodSpec) -> bool {
    let lists = |spec: &PodSpec| {
        let init = spec
            .init_containers
            .iter()
            .flatten()
            .map(|c| c.image.clone());
        let regular = spec.containers.iter().map(|c| c.image.clone());
        (init.collect::<Vec<_>>(), regular.collect::<Vec<_>>())
    };
    let existed = |name: &str, image: &Option<String>| {
        let mut containers = old.ephemeral_containers.iter().flatten();
        containers.any(|c| c.name == name && c.image == *image)
    };
    let mut ephemeral = new.ephemeral_containers.iter().flatten();
    lists(new) != lists(old) || ephemeral.any(|c| !existed(&c.name, &c.image))
}
