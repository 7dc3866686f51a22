//! The requests that the rules of a webhook or a policy match.
//!
//! Upstream: `k8s.io/apiserver/pkg/admission/plugin/webhook/predicates/rules/rules.go`.

use std::fmt;

use k8s_openapi::api::admissionregistration::v1::{NamedRuleWithOperations, RuleWithOperations};
use portcullis_api::{GroupVersion, same_name};
use smol_str::SmolStr;

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

/// A rule. Its names lie in it, as the rules of every policy of a resource are compared with a request.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    operations: Operations,
    groups: Names,
    versions: Names,
    resources: Box<[ResourcePattern]>,
    /// Whether objects must be in a namespace, or must not be.
    is_namespaced: Option<bool>,
    /// The names of objects; empty for all.
    names: Box<[SmolStr]>,
}

/// A set of operations: a bit for each of [`Operation::ALL`], and one for `*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Operations(u8);

/// Names, or `*`.
#[derive(Clone, Debug)]
enum Names {
    Any,
    One(SmolStr),
    These(Box<[SmolStr]>),
}

/// A resource, and one of its subresources; the resource itself is the empty one. `None` for `*`.
#[derive(Clone, Debug)]
struct ResourcePattern {
    resource: Option<SmolStr>,
    subresource: Option<SmolStr>,
}

impl Rule {
    pub(crate) fn new(rule: &RuleWithOperations) -> Self {
        let resources = rule.resources.iter().flatten();
        Self {
            operations: Operations::new(texts(rule.operations.as_ref())),
            groups: Names::new(texts(rule.api_groups.as_ref())),
            versions: Names::new(texts(rule.api_versions.as_ref())),
            resources: resources.map(|text| ResourcePattern::new(text)).collect(),
            is_namespaced: match rule.scope.as_deref() {
                Some("Namespaced") => Some(true),
                Some("Cluster") => Some(false),
                _ => None,
            },
            names: Box::default(),
        }
    }

    /// A rule of a policy, which may name objects.
    pub(crate) fn named(rule: &NamedRuleWithOperations) -> Self {
        let names = rule.resource_names.iter().flatten();
        let names = names.map(SmolStr::from).collect();
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
            && self.operations.contains(subject.operation)
            && self.groups.contain(group)
            && self.versions.contain(version)
            && self
                .resources
                .iter()
                .any(|pattern| pattern.matches(subject))
            && (self.names.is_empty() || self.names.iter().any(|name| name == subject.name))
    }

    /// The resources in the rule; `None` if it matches all.
    pub(crate) fn resources(&self) -> Option<Vec<&str>> {
        let names = self.resources.iter();
        names.map(|pattern| pattern.resource.as_deref()).collect()
    }
}

impl fmt::Display for Rule {
    /// Such as `CREATE, UPDATE of deployments, pods/* in apps/v1 named a, b`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resources = self.resources.iter().map(ResourcePattern::to_string);
        let groups = self.groups.words().into_iter().map(|group| match group {
            "" => "the core group",
            group => group,
        });
        write!(
            f,
            "{} of {} in {}/{}",
            self.operations.words().join(", "),
            resources.collect::<Vec<_>>().join(", "),
            groups.collect::<Vec<_>>().join(", "),
            self.versions.words().join(", "),
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

fn texts(texts: Option<&Vec<String>>) -> &[String] {
    texts.map_or(&[], Vec::as_slice)
}

impl Operations {
    fn new(texts: &[String]) -> Self {
        if texts.iter().any(|text| text == "*") {
            return Self::ANY;
        }
        let named = |of: &Operation| texts.iter().any(|text| text == of.as_str());
        let bits = Operation::ALL.into_iter().filter(named).map(Self::bit);
        Self(bits.fold(0, |all, bit| all | bit))
    }

    const ANY: Self = Self(u8::MAX);

    const fn bit(of: Operation) -> u8 {
        1 << of as u8
    }

    const fn contains(self, of: Operation) -> bool {
        self.0 & Self::bit(of) != 0
    }

    fn words(self) -> Vec<&'static str> {
        if self == Self::ANY {
            return vec!["*"];
        }
        let contained = Operation::ALL.into_iter().filter(|of| self.contains(*of));
        contained.map(Operation::as_str).collect()
    }
}

impl Names {
    fn new(texts: &[String]) -> Self {
        match texts {
            texts if texts.iter().any(|text| text == "*") => Self::Any,
            [only] => Self::One(only.into()),
            texts => Self::These(texts.iter().map(SmolStr::from).collect()),
        }
    }

    fn contain(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::One(only) => same_name(only, name),
            Self::These(names) => names.iter().any(|of| same_name(of, name)),
        }
    }

    fn words(&self) -> Vec<&str> {
        match self {
            Self::Any => vec!["*"],
            Self::One(only) => vec![only],
            Self::These(names) => names.iter().map(SmolStr::as_str).collect(),
        }
    }
}

impl ResourcePattern {
    fn new(text: &str) -> Self {
        let (resource, subresource) = text.split_once('/').unwrap_or((text, ""));
        let pattern = |text: &str| (text != "*").then(|| text.into());
        Self {
            resource: pattern(resource),
            subresource: pattern(subresource),
        }
    }

    fn matches(&self, subject: &Subject<'_>) -> bool {
        let is = |wanted: &Option<SmolStr>, name: &str| {
            wanted.as_ref().is_none_or(|of| same_name(of, name))
        };
        is(&self.resource, subject.resource) && is(&self.subresource, subject.subresource)
    }
}

impl fmt::Display for ResourcePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.resource.as_deref().unwrap_or("*"))?;
        match self.subresource.as_deref().unwrap_or("*") {
            "" => Ok(()),
            subresource => write!(f, "/{subresource}"),
        }
    }
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
        let mut all = rule("CREATE", "", "v1", &["pods"]);
        all.operations = Some(Operation::ALL.map(|of| of.to_string()).to_vec());
        let words = [of_apps, core, all].map(|rule| Rule::new(&rule).to_string());
        assert_eq!(
            words,
            [
                "CREATE of deployments, */scale in apps/v1, in namespaces",
                "* of * in the core group/*",
                "CREATE, UPDATE, DELETE, CONNECT of pods in the core group/v1",
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
