//! The version in which a webhook or a policy gets a request.

use super::documents::EncodedVersions;
use super::rules::{Rule, Subject};
use crate::Attributes;
use crate::versions::Served;

/// The version of a request that rules match; `None` if they match none. `equivalent` says whether
/// they are also compared with the other versions of the resource.
pub(crate) fn served<'v>(
    rules: &[Rule],
    equivalent: bool,
    attributes: &Attributes<'_>,
    versions: &EncodedVersions<'v>,
) -> Option<Served<'v>> {
    let matches = |rule: &Rule, served: &Served<'v>| {
        rule.matches(&Subject {
            operation: attributes.operation,
            group_version: served.group_version,
            resource: served.resource,
            subresource: attributes.subresource,
            name: attributes.name,
            is_namespaced: !attributes.namespace.is_empty(),
        })
    };
    let requested = versions.requested;
    if rules.iter().any(|rule| matches(rule, &requested)) {
        return Some(requested);
    }
    if !equivalent {
        return None;
    }
    let mut matching = rules.iter().filter_map(|rule| {
        let mut others = versions.others().iter();
        others.find(|served| matches(rule, served)).copied()
    });
    matching.next()
}
