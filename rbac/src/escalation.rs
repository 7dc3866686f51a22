//! May they give what they do not have? Writers of roles and bindings must hold the rules they
//! hand out, unless they are trusted with the verbs `escalate` or `bind`.
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

/// How many smallest parts of rules are compared: a rule of a few kilobytes can have millions, and
/// each is looked for in all that the writer holds.
const PARTS_MAX: usize = 10_000;

/// Why a write is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The writer lacks what the role would give: 403, with this text for the reason.
    #[error("{0}")]
    Escalates(String),
    /// The role to bind does not exist: 404, of the resource `clusterroles` or `roles`.
    #[error(transparent)]
    NoRole(Unresolved),
}

/// Checks writes of roles and bindings by one user. Updates for which
/// [`only_gc_fields_differ`](portcullis_api::object::only_gc_fields_differ) need no check.
#[derive(Clone, Copy)]
pub struct Escalation<'a> {
    /// Where the writer's own rules are.
    pub index: &'a Index,
    /// Who knows of `escalate` and `bind`.
    pub authorizer: &'a dyn Authorizer,
    /// The writer.
    pub user: &'a UserInfo,
    /// The namespace the request names, empty for cluster-scoped kinds.
    pub namespace: &'a str,
}

impl Escalation<'_> {
    /// May the user create or change a role to have these rules? `name` is the one in the
    /// request's path, so empty for creations.
    ///
    /// # Errors
    /// [`Refusal::Escalates`]
    pub fn role(&self, name: &str, rules: &[PolicyRule]) -> Result<(), Refusal> {
        if self.is_trusted("escalate", "roles", name) {
            Ok(())
        } else {
            self.holds(rules)
        }
    }

    /// May the user create a cluster role like this, or change `old` into it? Whoever touches an
    /// aggregation rule must be able to do everything, since it gathers rules unseen.
    ///
    /// # Errors
    /// [`Refusal::Escalates`]
    pub fn cluster_role(
        &self,
        name: &str,
        new: &ClusterRole,
        old: Option<&ClusterRole>,
    ) -> Result<(), Refusal> {
        if self.is_trusted("escalate", "clusterroles", name) {
            return Ok(());
        }
        self.holds(new.rules.as_deref().unwrap_or_default())?;
        let aggregates = |role: &ClusterRole| role.aggregation_rule.is_some();
        if (aggregates(new) || old.is_some_and(aggregates)) && self.holds(&everything()).is_err() {
            let why = "must have cluster-admin privileges to use the aggregationRule";
            return Err(Refusal::Escalates(why.into()));
        }
        Ok(())
    }

    /// May the user create or change a binding, of either kind, to this role?
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn binding(&self, role: &RoleRef) -> Result<(), Refusal> {
        let may_bind = match role.kind.as_str() {
            "ClusterRole" => self.is_trusted("bind", "clusterroles", &role.name),
            "Role" => self.is_trusted("bind", "roles", &role.name),
            _ => false,
        };
        if may_bind {
            return Ok(());
        }
        let rules = self
            .index
            .role_rules(role, self.namespace)
            .map_err(Refusal::NoRole)?;
        self.holds(&rules)
    }

    /// Members of `system:masters` always are.
    fn is_trusted(&self, verb: &str, resource: &str, name: &str) -> bool {
        let target = ResourceTarget {
            group: GROUP,
            resource,
            subresource: "",
            namespace: self.namespace,
            name,
        };
        let attributes = Attributes {
            user: self.user,
            verb,
            target: Target::Resource(target),
        };
        self.user.is_in(UserInfo::SYSTEM_MASTERS)
            || self.authorizer.authorize(&attributes).is_allowed()
    }

    /// Does the user hold all of these rules?
    fn holds(&self, rules: &[PolicyRule]) -> Result<(), Refusal> {
        let own = self.index.rules_for(self.user, self.namespace);
        let open: Vec<_> = rules
            .iter()
            .filter(|rule| !own.rules.iter().any(|held| covers(held, rule)))
            .cloned()
            .collect();
        let parts = open.iter().map(parts).fold(0, usize::saturating_add);
        if parts > PARTS_MAX {
            let why = format!(
                "user {} does not hold these rules as they are written, and they have too many combinations of \
                 verbs, groups, resources and names to be compared one by one: {parts}, at most {PARTS_MAX}",
                go_quote(&self.user.name),
            );
            return Err(Refusal::Escalates(why));
        }
        let missing = missing(&own.rules, &open);
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
            // Upstream wraps one aggregate in a list, so a list of them has brackets twice.
            let errors = crate::aggregate::aggregate(&own.errors).unwrap_or_default();
            text.push_str(&format!("; resolution errors: [{errors}]"));
        }
        Err(Refusal::Escalates(text))
    }
}

/// How many smallest parts a rule has, without making them.
fn parts(rule: &PolicyRule) -> usize {
    let count = |list: &Option<Vec<String>>| list.as_ref().map_or(0, Vec::len);
    let objects = count(&rule.api_groups)
        .saturating_mul(count(&rule.resources))
        .saturating_mul(count(&rule.resource_names).max(1));
    let targets = objects.saturating_add(count(&rule.non_resource_urls));
    targets.saturating_mul(rule.verbs.len())
}

/// The smallest parts of `wanted` that `own` does not cover (upstream: `validation.Covers`).
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
