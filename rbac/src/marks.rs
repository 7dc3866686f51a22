//! A quick no for most rules.
//!
//! A decision goes through all rules of a user, and nearly all of them are about something else.
//! Comparing their words costs a cache miss each; a bit for every word, side by side with those of
//! the role's other rules, tells most of them apart.

use k8s_openapi::api::rbac::v1::PolicyRule;

use crate::rule::items;
use crate::{Attributes, Target};

/// The words of a rule, or those of which a rule must have some to allow a request: a bit for each,
/// which it may share with others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks {
    verbs: u64,
    groups: u64,
    resources: u64,
    /// All or none: patterns of paths share no words.
    paths: u64,
}

impl Marks {
    pub(crate) fn of_rule(rule: &PolicyRule) -> Self {
        let any = |words: &[String]| words.iter().fold(0, |bits, word| bits | bit(&[word]));
        let urls = items(&rule.non_resource_urls);
        Self {
            verbs: any(&rule.verbs),
            groups: any(items(&rule.api_groups)),
            resources: any(items(&rule.resources)),
            paths: if urls.is_empty() { 0 } else { u64::MAX },
        }
    }

    /// The words that allow a request, as [`allows`](crate::allows) reads rules.
    pub(crate) fn of_request(attributes: &Attributes<'_>) -> Self {
        let all = bit(&["*"]);
        let nothing = Self {
            verbs: all | bit(&[attributes.verb]),
            groups: 0,
            resources: 0,
            paths: 0,
        };
        match &attributes.target {
            Target::Path(_) => Self {
                paths: u64::MAX,
                ..nothing
            },
            Target::Resource(target) => Self {
                groups: all | bit(&[target.group]),
                resources: match target.subresource {
                    "" => all | bit(&[target.resource]),
                    sub => all | bit(&[target.resource, "/", sub]) | bit(&["*", "/", sub]),
                },
                ..nothing
            },
        }
    }

    /// Whether a rule with these marks may allow the request; if not, it does not.
    pub(crate) const fn may_allow(self, request: Self) -> bool {
        self.verbs & request.verbs != 0
            && (self.groups & request.groups != 0 && self.resources & request.resources != 0
                || self.paths & request.paths != 0)
    }
}

/// The bit of a word, which is given in parts (FNV-1a, stirred once more, as it hardly moves its upper
/// bits at the last letters).
fn bit(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    1 << ((hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ResourceTarget;
    use crate::testing::{rule, urls, user};

    fn resource(group: &'static str, path: &'static str) -> Target<'static> {
        let (resource, subresource) = path.split_once('/').unwrap_or((path, ""));
        Target::Resource(ResourceTarget {
            group,
            resource,
            subresource,
            ..ResourceTarget::default()
        })
    }

    /// That no rule is passed over that allows is held by `tests/random_roles.rs`.
    #[test]
    fn most_other_rules_are_passed_over() {
        let user = user("u", &[]);
        let target = resource("apps", "deployments/scale");
        let request = Marks::of_request(&Attributes {
            user: &user,
            verb: "get",
            target,
        });
        for (rule, may) in [
            (rule(&["get"], &["apps"], &["deployments/scale"]), true),
            (rule(&["*"], &["*"], &["*/scale"]), true),
            (rule(&["get"], &["apps"], &["*"]), true),
            (rule(&["get"], &["apps"], &["deployments"]), false),
            (rule(&["list"], &["apps"], &["deployments/scale"]), false),
            (rule(&["get"], &["batch"], &["deployments/scale"]), false),
            (urls(&["get"], &["*"]), false),
        ] {
            assert_eq!(Marks::of_rule(&rule).may_allow(request), may, "{rule:?}");
        }
        let others = (0..1000).map(|n| rule(&["get"], &["apps"], &[&format!("things{n}")]));
        let met = others.filter(|rule| Marks::of_rule(rule).may_allow(request));
        assert!(met.count() < 100);
    }
}
