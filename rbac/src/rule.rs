//! Matching, covering and formatting of a role's rules.
//!
//! Upstream: `pkg/apis/rbac/v1/evaluation_helpers.go` (matching) and
//! `component-helpers/auth/rbac/validation/policy_comparator.go` (covering).

use std::fmt;

use k8s_openapi::api::rbac::v1::PolicyRule;
use portcullis_api::field_error::go_quote;

use crate::{Attributes, ResourceTarget, Target};

const ALL: &str = "*";

/// Whether a rule allows a request.
pub fn allows(rule: &PolicyRule, attributes: &Attributes<'_>) -> bool {
    let name = match attributes.target {
        Target::Resource(target) => target.name,
        Target::Path(_) => "",
    };
    allowed_names(rule, attributes).is_some_and(|names| names.is_empty() || has(names, name))
}

/// The object names for which a rule allows a request, regardless of the request's name; an empty
/// list means all names. `None` if it allows none.
pub(crate) fn allowed_names<'r>(
    rule: &'r PolicyRule,
    attributes: &Attributes<'_>,
) -> Option<&'r [String]> {
    if !has_or_all(&rule.verbs, attributes.verb) {
        return None;
    }
    match &attributes.target {
        Target::Resource(target) => {
            let mut resources = items(&rule.resources).iter();
            let matches = has_or_all(items(&rule.api_groups), target.group)
                && resources.any(|r| matches_resource(r, target));
            matches.then(|| items(&rule.resource_names))
        }
        Target::Path(path) => {
            let mut urls = items(&rule.non_resource_urls).iter();
            urls.any(|url| covers_url(url, path)).then_some(&[])
        }
    }
}

/// Patterns are `*`, `pods`, `pods/log` and `*/log`; `pods/*` is not a pattern.
fn matches_resource(pattern: &str, target: &ResourceTarget<'_>) -> bool {
    let ResourceTarget {
        resource,
        subresource,
        ..
    } = *target;
    if pattern == ALL {
        return true;
    }
    if subresource.is_empty() {
        return pattern == resource;
    }
    // The pattern without `/<subresource>`.
    let of = pattern
        .strip_suffix(subresource)
        .and_then(|p| p.strip_suffix('/'));
    of.is_some_and(|of| of == resource || of == ALL)
}

/// A pattern is an exact path, or a prefix followed by `*`.
fn covers_url(pattern: &str, path: &str) -> bool {
    pattern == path || (pattern.ends_with('*') && path.starts_with(pattern.trim_end_matches('*')))
}

/// Whether `owned` includes all permissions of `atom`, which is one of [`atoms`], so that no two
/// rules can cover it only in combination.
pub(crate) fn covers(owned: &PolicyRule, atom: &PolicyRule) -> bool {
    let names = items(&owned.resource_names);
    let wanted = items(&atom.resource_names);
    has_all_or_star(&owned.verbs, &atom.verbs)
        && has_all_or_star(items(&owned.api_groups), items(&atom.api_groups))
        && covers_resources(items(&owned.resources), items(&atom.resources))
        && (names.is_empty() || (!wanted.is_empty() && has_all(names, wanted)))
        && items(&atom.non_resource_urls).iter().all(|url| {
            items(&owned.non_resource_urls)
                .iter()
                .any(|own| covers_url(own, url))
        })
}

fn covers_resources(owned: &[String], wanted: &[String]) -> bool {
    has(owned, ALL)
        || wanted.iter().all(|resource| {
            has(owned, resource)
                || resource.split_once('/').is_some_and(|(_, subresource)| {
                    owned
                        .iter()
                        .any(|own| own.strip_prefix("*/") == Some(subresource))
                })
        })
}

/// Splits a rule into atomic rules: one verb on one resource of one group and one name, or on one
/// URL.
pub(crate) fn atoms(rule: &PolicyRule) -> impl Iterator<Item = PolicyRule> + '_ {
    let one = |s: &String| Some(vec![s.clone()]);
    let names = items(&rule.resource_names);
    let names: Vec<_> = if names.is_empty() {
        vec![None]
    } else {
        names.iter().map(one).collect()
    };
    let resources = items(&rule.api_groups).iter().flat_map(move |group| {
        let names = names.clone();
        items(&rule.resources).iter().flat_map(move |resource| {
            let names = names.clone();
            rule.verbs.iter().flat_map(move |verb| {
                names
                    .clone()
                    .into_iter()
                    .map(move |resource_names| PolicyRule {
                        api_groups: one(group),
                        resources: one(resource),
                        resource_names,
                        verbs: vec![verb.clone()],
                        non_resource_urls: None,
                    })
            })
        })
    });
    let urls = items(&rule.non_resource_urls).iter().flat_map(move |url| {
        rule.verbs.iter().map(move |verb| PolicyRule {
            non_resource_urls: one(url),
            verbs: vec![verb.clone()],
            ..PolicyRule::default()
        })
    });
    resources.chain(urls)
}

/// Whether two rules are equal; absent and empty lists are (upstream: `equality.Semantic`).
pub(crate) fn same(a: &PolicyRule, b: &PolicyRule) -> bool {
    a.verbs == b.verbs
        && items(&a.api_groups) == items(&b.api_groups)
        && items(&a.resources) == items(&b.resources)
        && items(&a.resource_names) == items(&b.resource_names)
        && items(&a.non_resource_urls) == items(&b.non_resource_urls)
}

/// Formats a rule as `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}` (upstream:
/// `CompactString`).
pub(crate) struct Compact<'a>(pub(crate) &'a PolicyRule);

impl fmt::Display for Compact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = self.0;
        let parts = [
            ("APIGroups", items(&rule.api_groups)),
            ("Resources", items(&rule.resources)),
            ("NonResourceURLs", items(&rule.non_resource_urls)),
            ("ResourceNames", items(&rule.resource_names)),
            ("Verbs", &rule.verbs),
        ];
        f.write_str("{")?;
        for (index, (name, list)) in parts
            .iter()
            .filter(|(_, list)| !list.is_empty())
            .enumerate()
        {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{name}:{}", quoted(list))?;
        }
        f.write_str("}")
    }
}

/// Formats a list like Go's `%q`: `["a" "b"]`.
pub(crate) fn quoted(list: &[String]) -> String {
    format!(
        "[{}]",
        list.iter()
            .map(|s| go_quote(s))
            .collect::<Vec<_>>()
            .join(" ")
    )
}

/// The items of an optional list.
pub(crate) fn items(list: &Option<Vec<String>>) -> &[String] {
    list.as_deref().unwrap_or_default()
}

fn has(list: &[String], item: &str) -> bool {
    list.iter().any(|i| i == item)
}

fn has_or_all(list: &[String], item: &str) -> bool {
    list.iter().any(|i| i == item || i == ALL)
}

fn has_all(list: &[String], wanted: &[String]) -> bool {
    wanted.iter().all(|item| has(list, item))
}

fn has_all_or_star(list: &[String], wanted: &[String]) -> bool {
    has(list, ALL) || has_all(list, wanted)
}

#[cfg(test)]
mod tests;
