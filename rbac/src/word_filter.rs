//! A fast pre-filter of rules.
//!
//! A decision visits all rules of a user, most of which concern other resources. Comparing strings
//! costs a cache miss each; one bit per word, stored contiguously for all rules of a role, excludes
//! most of them.

use k8s_openapi::api::rbac::v1::PolicyRule;

use crate::rule::items;
use crate::{Attributes, Target};

/// A Bloom filter of the words of a rule, or of the words that a rule needs to allow a request: one
/// bit per word, which other words may share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WordFilter {
    verbs: u64,
    groups: u64,
    resources: u64,
    /// All bits or none, as URL patterns are not compared by words.
    paths: u64,
}

impl WordFilter {
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

    /// The words in a rule that can allow a request, as [`allows`](crate::allows) evaluates rules.
    pub(crate) fn of_request(attributes: &Attributes<'_>) -> Self {
        let all = bit(&["*"]);
        let empty = Self {
            verbs: all | bit(&[attributes.verb]),
            groups: 0,
            resources: 0,
            paths: 0,
        };
        match &attributes.target {
            Target::Path(_) => Self {
                paths: u64::MAX,
                ..empty
            },
            Target::Resource(target) => Self {
                groups: all | bit(&[target.group]),
                resources: match target.subresource {
                    "" => all | bit(&[target.resource]),
                    sub => all | bit(&[target.resource, "/", sub]) | bit(&["*", "/", sub]),
                },
                ..empty
            },
        }
    }

    /// Whether a rule with this filter may allow the request. If false, it does not.
    pub(crate) const fn may_allow(self, request: Self) -> bool {
        self.verbs & request.verbs != 0
            && (self.groups & request.groups != 0 && self.resources & request.resources != 0
                || self.paths & request.paths != 0)
    }
}

/// The bit of a word, given in parts: FNV-1a, with an extra mixing step, as its upper bits depend
/// little on the last characters.
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

    /// `tests/random_roles.rs` checks that no rule that allows is excluded.
    #[test]
    fn most_other_rules_are_excluded() {
        let user = user("u", &[]);
        let target = resource("apps", "deployments/scale");
        let request = WordFilter::of_request(&Attributes {
            user: &user,
            verb: "get",
            target,
        });
        for (rule, expected) in [
            (rule(&["get"], &["apps"], &["deployments/scale"]), true),
            (rule(&["*"], &["*"], &["*/scale"]), true),
            (rule(&["get"], &["apps"], &["*"]), true),
            (rule(&["get"], &["apps"], &["deployments"]), false),
            (rule(&["list"], &["apps"], &["deployments/scale"]), false),
            (rule(&["get"], &["batch"], &["deployments/scale"]), false),
            (urls(&["get"], &["*"]), false),
        ] {
            assert_eq!(
                WordFilter::of_rule(&rule).may_allow(request),
                expected,
                "{rule:?}"
            );
        }
        let others = (0..1000).map(|n| rule(&["get"], &["apps"], &[&format!("things{n}")]));
        let candidates = others.filter(|rule| WordFilter::of_rule(rule).may_allow(request));
        assert!(candidates.count() < 100);
    }
}
