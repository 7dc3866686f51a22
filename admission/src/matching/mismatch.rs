//! Why a request is not for a webhook or a policy.

use super::rules::Rule;
use super::selectors::Selectors;

/// What of a webhook, a policy or a binding does not match a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// None of its rules is about the request.
    Rules,
    /// It has a rule that excludes the request.
    Excluded,
    /// Its `namespaceSelector` does not select the namespace.
    Namespace,
    /// Its `objectSelector` selects neither object.
    Object,
}

impl Mismatch {
    /// The reason in words.
    pub(crate) fn words(self, rules: &[Rule], selectors: &Selectors) -> String {
        match self {
            Self::Rules if rules.is_empty() => "it has no rules".to_owned(),
            Self::Rules => {
                let rules: Vec<_> = rules.iter().map(ToString::to_string).collect();
                format!("its rules are for {}", rules.join("; "))
            }
            Self::Excluded => "its excludeResourceRules exclude this".to_owned(),
            Self::Namespace => format!(
                "its namespaceSelector {} does not select the namespace",
                selectors.namespace
            ),
            Self::Object => format!(
                "its objectSelector {} does not select the object",
                selectors.object
            ),
        }
    }
}
