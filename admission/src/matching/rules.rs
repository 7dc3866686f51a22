//! The requests that the rules of a webhook or a policy match.
//!
//! Upstream: `k8s.io/apiserver/pkg/admission/plugin/webhook/predicates/rules/rules.go`.

use std::fmt;

use k8s_openapi::api::admissionregistration::v1::{NamedRuleWithOperations, RuleWithOperations};
use portcullis_api::GroupVersion;

use crate::operation::Operation;

/// The subject of a request, as rules distinguish it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) operation: Operation,
    pub(crate) group_version: GroupVersion<'a>,
    pub(crate) resource: &'a str,
    pub(crate) subresource: &'a str,
    /// Empty if it is yet to be generated.
    pub(crate) name: &'a str,
    /// Whether the object is in a namespace; a namespace itself is not.
    pub(crate) is_namespaced: bool,
}

/// A rule.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    operations: Vec<Pattern>,
    groups: Vec<Pattern>,
    versions: Vec<Pattern>,
    resources: Vec<ResourcePattern>,
    /// Whether objects must be in a namespace, or must not be.
    is_namespaced: Option<bool>,
    /// The names of objects; empty for all.
    names: Vec<Box<str>>,
}

/// A name, or `*`.
#[derive(Clone, Debug)]
enum Pattern {
    Any,
    Is(Box<str>),
}

/// A resource, and one of its subresources; the resource itself is the empty one.
#[derive(Clone, Debug)]
struct ResourcePattern {
    resource: Pattern,
    subresource: Pattern,
}

impl Rule {
    pub(crate) fn new(rule: &RuleWithOperations) -> Self {
        let resources = rule.resources.iter().flatten().map(|text| {
            let (resource, subresource) = text.split_once('/').unwrap_or((text, ""));
            ResourcePattern {
                resource: Pattern::new(resource),
                subresource: Pattern::new(subresource),
            }
        });
        Self {
            operations: patterns(rule.operations.as_ref()),
            groups: patterns(rule.api_groups.as_ref()),
            versions: patterns(rule.api_versions.as_ref()),
            resources: resources.collect(),
            is_namespaced: match rule.scope.as_deref() {
                Some("Namespaced") => Some(true),
                Some("Cluster") => Some(false),
                _ => None,
            },
            names: Vec::new(),
        }
    }

    /// A rule of a policy, which may name objects.
    pub(crate) fn named(rule: &NamedRuleWithOperations) -> Self {
        let names = rule.resource_names.iter().flatten();
        let names = names.map(|name| name.as_str().into()).collect();
        let rule = RuleWithOperations {
            api_groups: rule.api_groups.clone(),
            api_versions: rule.api_versions.clone(),
            operations: rule.operations.clone(),
            resources: rule.resources.clone(),
            scope: rule.scope.clone(),
        };
        Self {
            names,
            ..Self::new(&rule)
        }
    }

    pub(crate) fn matches(&self, subject: &Subject<'_>) -> bool {
        let GroupVersion { group, version } = subject.group_version;
        let scope = self.is_namespaced;
        scope.is_none_or(|wanted| wanted == subject.is_namespaced)
            && any(&self.operations, subject.operation.as_str())
            && any(&self.groups, group)
            && any(&self.versions, version)
            && self.resources.iter().any(|pattern| {
                pattern.resource.matches(subject.resource)
                    && pattern.subresource.matches(subject.subresource)
            })
            && (self.names.is_empty() || self.names.iter().any(|name| **name == *subject.name))
    }

    /// The resources in the rule; `None` if it matches all.
    pub(crate) fn resources(&self) -> Option<Vec<&str>> {
        let names = self
            .resources
            .iter()
            .map(|pattern| match &pattern.resource {
                Pattern::Any => None,
                Pattern::Is(name) => Some(&**name),
            });
        names.collect()
    }
}

impl fmt::Display for Rule {
    /// Such as `CREATE, UPDATE of deployments, pods/* in apps/v1 named a, b`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resources = self.resources.iter().map(ResourcePattern::to_string);
        let groups = self.groups.iter().map(|group| match group.as_str() {
            "" => "the core group",
            group => group,
        });
        let joined = |patterns: &[Pattern]| -> Vec<String> {
            let texts = patterns.iter().map(Pattern::as_str);
            texts.map(str::to_owned).collect()
        };
        write!(
            f,
            "{} of {} in {}/{}",
            joined(&self.operations).join(", "),
            resources.collect::<Vec<_>>().join(", "),
            groups.collect::<Vec<_>>().join(", "),
            joined(&self.versions).join(", "),
        )?;
        match self.is_namespaced {
            Some(true) => f.write_str(", in namespaces")?,
            Some(false) => f.write_str(", in no namespace")?,
            None => {}
        }
        match self.names.is_empty() {
            true => Ok(()),
            false => write!(f, ", named {}", self.names.join(", ")),
        }
    }
}

impl fmt::Display for ResourcePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.resource.as_str())?;
        match self.subresource.as_str() {
            "" => Ok(()),
            subresource => write!(f, "/{subresource}"),
        }
    }
}

impl Pattern {
    fn as_str(&self) -> &str {
        match self {
            Self::Any => "*",
            Self::Is(name) => name,
        }
    }

    fn new(text: &str) -> Self {
        match text {
            "*" => Self::Any,
            text => Self::Is(text.into()),
        }
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Is(wanted) => **wanted == *name,
        }
    }
}

fn patterns(texts: Option<&Vec<String>>) -> Vec<Pattern> {
    let texts = texts.into_iter().flatten();
    texts.map(|text| Pattern::new(text)).collect()
}

fn any(patterns: &[Pattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(
        operations: &str,
        group: &str,
        version: &str,
        resources: &[&str],
    ) -> RuleWithOperations {
        RuleWithOperations {
            operations: Some(vec![operations.to_owned()]),
            api_groups: Some(vec![group.to_owned()]),
            api_versions: Some(vec![version.to_owned()]),
            resources: Some(resources.iter().map(|r| (*r).to_owned()).collect()),
            scope: None,
        }
    }

    const DEPLOYMENTS: Subject<'_> = Subject {
        operation: Operation::Create,
        group_version: GroupVersion {
            group: "apps",
            version: "v1",
        },
        resource: "deployments",
        subresource: "",
        name: "d",
        is_namespaced: true,
    };

    #[test]
    fn operations_groups_and_versions_are_names_or_wildcards() {
        for (operations, group, version, matches) in [
            ("CREATE", "apps", "v1", true),
            ("*", "*", "*", true),
            ("UPDATE", "apps", "v1", false),
            ("CREATE", "", "v1", false),
            ("CREATE", "apps", "v1beta1", false),
        ] {
            let rule = Rule::new(&rule(operations, group, version, &["deployments"]));
            let named = (operations, group, version);
            assert_eq!(rule.matches(&DEPLOYMENTS), matches, "{named:?}");
        }
    }

    #[test]
    fn resources_and_subresources_are_names_or_wildcards() {
        for (pattern, itself, scale) in [
            ("deployments", true, false),
            ("deployments/*", true, true),
            ("deployments/scale", false, true),
            ("*", true, false),
            ("*/*", true, true),
            ("*/scale", false, true),
            ("*/status", false, false),
            ("pods", false, false),
            ("pods/*", false, false),
        ] {
            let rule = Rule::new(&rule("*", "*", "*", &["secrets", pattern]));
            assert_eq!(rule.matches(&DEPLOYMENTS), itself, "{pattern}");
            let subject = Subject {
                subresource: "scale",
                ..DEPLOYMENTS
            };
            assert_eq!(rule.matches(&subject), scale, "{pattern}");
        }
    }

    #[test]
    fn a_rule_of_a_policy_may_name_objects() {
        for (names, matches) in [(&[][..], true), (&["c", "d"], true), (&["c"], false)] {
            let any = rule("*", "*", "*", &["*"]);
            let rule = Rule::named(&NamedRuleWithOperations {
                api_groups: any.api_groups,
                api_versions: any.api_versions,
                operations: any.operations,
                resources: any.resources,
                resource_names: Some(names.iter().map(|n| (*n).to_owned()).collect()),
                scope: None,
            });
            assert_eq!(rule.matches(&DEPLOYMENTS), matches, "{names:?}");
        }
    }

    #[test]
    fn rules_have_words() {
        let mut of_apps = rule("CREATE", "apps", "v1", &["deployments", "*/scale"]);
        of_apps.scope = Some("Namespaced".to_owned());
        let core = rule("*", "", "*", &["*"]);
        let words = [of_apps, core].map(|rule| Rule::new(&rule).to_string());
        assert_eq!(
            words,
            [
                "CREATE of deployments, */scale in apps/v1, in namespaces",
                "* of * in the core group/*"
            ]
        );
    }

    #[test]
    fn a_scope_is_that_of_the_object() {
        for (scope, namespaced, cluster) in [
            (None, true, true),
            (Some("*"), true, true),
            (Some("Namespaced"), true, false),
            (Some("Cluster"), false, true),
        ] {
            let rule = Rule::new(&RuleWithOperations {
                scope: scope.map(str::to_owned),
                ..rule("*", "*", "*", &["*"])
            });
            assert_eq!(rule.matches(&DEPLOYMENTS), namespaced, "{scope:?}");
            let subject = Subject {
                is_namespaced: false,
                ..DEPLOYMENTS
            };
            assert_eq!(rule.matches(&subject), cluster, "{scope:?}");
        }
    }
}
