//! Prevention of privilege escalation: writers of roles and bindings must hold the rules that they
//! grant, unless they have the verbs `escalate` or `bind`.
//!
//! Upstream: `pkg/registry/rbac/*/policybased`, `escalation_check.go`, `ConfirmNoEscalation`.

use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, RoleRef};
use portcullis_api::UserInfo;
use portcullis_api::field_error::go_quote;

use crate::compact::compact;
use crate::index::Index;
use crate::rule::{Compact, atoms, covers, quoted};
use crate::unresolved::Unresolved;
use crate::{Attributes, Authorizer, ResourceTarget, Target};

const GROUP: &str = "rbac.authorization.k8s.io";

/// The maximum number of atomic rules that are compared: a rule of a few kilobytes can have
/// millions, and each is compared with all rules of the writer.
const MAX_ATOMS: usize = 10_000;

/// Why a write is denied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EscalationError {
    /// The writer does not hold the rules that the role grants: 403, with this message.
    #[error("{0}")]
    Escalates(String),
    /// The role to bind does not exist: 404 for `clusterroles` or `roles`.
    #[error(transparent)]
    NoRole(Unresolved),
}

/// Checks writes of roles and bindings by a user. Updates for which
/// [`only_gc_fields_differ`](portcullis_api::object::only_gc_fields_differ) need no check.
#[derive(Clone, Copy)]
pub struct Escalation<'a> {
    /// The index that contains the writer's rules.
    pub index: &'a Index,
    /// Decides about the verbs `escalate` and `bind`.
    pub authorizer: &'a dyn Authorizer,
    /// The writer.
    pub user: &'a UserInfo,
    /// The namespace of the request; empty for cluster-scoped kinds.
    pub namespace: &'a str,
}

impl Escalation<'_> {
    /// Checks that the user may write a role with these rules. `name` is the name in the request's
    /// path, which is empty for creations.
    ///
    /// # Errors
    /// [`EscalationError::Escalates`]
    pub fn role(&self, name: &str, rules: &[PolicyRule]) -> Result<(), EscalationError> {
        if self.has_verb("escalate", "roles", name) {
            Ok(())
        } else {
            self.check_held(rules)
        }
    }

    /// Checks that the user may create the cluster role `new`, or change `old` into it. Adding,
    /// changing or removing an aggregation rule requires all permissions, as the aggregated rules
    /// are not known in advance.
    ///
    /// # Errors
    /// [`EscalationError::Escalates`]
    pub fn cluster_role(
        &self,
        name: &str,
        new: &ClusterRole,
        old: Option<&ClusterRole>,
    ) -> Result<(), EscalationError> {
        if self.has_verb("escalate", "clusterroles", name) {
            return Ok(());
        }
        self.check_held(new.rules.as_deref().unwrap_or_default())?;
        let aggregates = |role: &ClusterRole| role.aggregation_rule.is_some();
        if (aggregates(new) || old.is_some_and(aggregates))
            && self.check_held(&everything()).is_err()
        {
            let why = "must have cluster-admin privileges to use the aggregationRule";
            return Err(EscalationError::Escalates(why.into()));
        }
        Ok(())
    }

    /// Checks that the user may write a `RoleBinding` or `ClusterRoleBinding` of this role.
    ///
    /// # Errors
    /// [`EscalationError`]
    pub fn binding(&self, role: &RoleRef) -> Result<(), EscalationError> {
        let may_bind = match role.kind.as_str() {
            "ClusterRole" => self.has_verb("bind", "clusterroles", &role.name),
            "Role" => self.has_verb("bind", "roles", &role.name),
            _ => false,
        };
        if may_bind {
            return Ok(());
        }
        let rules = self
            .index
            .role_rules(role, self.namespace)
            .map_err(EscalationError::NoRole)?;
        self.check_held(&rules)
    }

    /// Whether the user has `verb` on the role. Members of `system:masters` always have.
    fn has_verb(&self, verb: &str, resource: &str, name: &str) -> bool {
        let target = ResourceTarget {
            group: GROUP,
            resource,
            subresource: "",
            namespace: self.namespace,
            name,
            ..ResourceTarget::default()
        };
        let attributes = Attributes {
            user: self.user,
            verb,
            target: Target::Resource(target),
        };
        self.user.is_in(UserInfo::SYSTEM_MASTERS)
            || self.authorizer.authorize(&attributes).is_allowed()
    }

    /// Checks that the user holds all of these rules.
    fn check_held(&self, rules: &[PolicyRule]) -> Result<(), EscalationError> {
        let own = self.index.rules_for(self.user, self.namespace);
        let uncovered: Vec<_> = rules
            .iter()
            .filter(|rule| !own.rules.iter().any(|held| covers(held, rule)))
            .cloned()
            .collect();
        let count = uncovered
            .iter()
            .map(atom_count)
            .fold(0, usize::saturating_add);
        if count > MAX_ATOMS {
            let why = format!(
                "user {} does not hold these rules literally, and they have too many combinations of \
                 verbs, groups, resources and names to compare them individually: {count}, at most {MAX_ATOMS}",
                go_quote(&self.user.name),
            );
            return Err(EscalationError::Escalates(why));
        }
        let missing = missing(&own.rules, &uncovered);
        if missing.is_empty() {
            return Ok(());
        }
        let mut lines: Vec<_> = compact(missing)
            .iter()
            .map(|rule| Compact(rule).to_string())
            .collect();
        lines.sort_unstable();
        lines.dedup();
        let mut text = format!(
            "user {} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
            go_quote(&self.user.name),
            quoted(&self.user.groups),
            lines.join("\n"),
        );
        if !own.errors.is_empty() {
            // Upstream wraps one aggregate in another, so several errors have two pairs of
            // brackets.
            let errors = crate::aggregate::aggregate(&own.errors).unwrap_or_default();
            text.push_str(&format!("; resolution errors: [{errors}]"));
        }
        Err(EscalationError::Escalates(text))
    }
}

/// The number of a rule's [`atoms`], computed without creating them.
fn atom_count(rule: &PolicyRule) -> usize {
    let count = |list: &Option<Vec<String>>| list.as_ref().map_or(0, Vec::len);
    let objects = count(&rule.api_groups)
        .saturating_mul(count(&rule.resources))
        .saturating_mul(count(&rule.resource_names).max(1));
    let targets = objects.saturating_add(count(&rule.non_resource_urls));
    targets.saturating_mul(rule.verbs.len())
}

/// The atoms of `wanted` that `own` does not cover (upstream: `validation.Covers`).
pub(crate) fn missing(own: &[PolicyRule], wanted: &[PolicyRule]) -> Vec<PolicyRule> {
    let covered = |atom: &PolicyRule| own.iter().any(|rule| covers(rule, atom));
    wanted
        .iter()
        .flat_map(atoms)
        .filter(|atom| !covered(atom))
        .collect()
}

fn everything() -> [PolicyRule; 2] {
    let all = || vec!["*".to_owned()];
    [
        PolicyRule {
            api_groups: Some(all()),
            resources: Some(all()),
            verbs: all(),
            ..PolicyRule::default()
        },
        PolicyRule {
            non_resource_urls: Some(all()),
            verbs: all(),
            ..PolicyRule::default()
        },
    ]
}

#[cfg(test)]
mod tests;
