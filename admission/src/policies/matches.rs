//! The match constraints of a policy or a binding.
//!
//! Upstream: `policy/matching/matching.go`.

use k8s_openapi::api::admissionregistration::v1::{MatchResources, NamedRuleWithOperations};
use k8s_openapi::api::core::v1::Namespace;
use portcullis_api::Status;

use crate::Attributes;
use crate::lookup::Lookup;
use crate::matching::documents::EncodedVersions;
use crate::matching::mismatch::Mismatch;
use crate::matching::rules::Rule;
use crate::matching::selectors::Selectors;
use crate::matching::served::served;
use crate::versions::Served;

/// A compiled `MatchResources`.
#[derive(Debug, Default)]
pub(crate) struct Matches {
    pub(crate) rules: Vec<Rule>,
    excluded: Vec<Rule>,
    /// Whether rules are also compared with the other versions of a resource.
    equivalent: bool,
    selectors: Selectors,
}

impl Matches {
    pub(crate) fn new(resources: &MatchResources) -> Self {
        let rules = |rules: &Option<Vec<NamedRuleWithOperations>>| {
            rules.iter().flatten().map(Rule::named).collect()
        };
        Self {
            rules: rules(&resources.resource_rules),
            excluded: rules(&resources.exclude_resource_rules),
            equivalent: resources.match_policy.as_deref() != Some("Exact"),
            selectors: Selectors::new(
                resources.namespace_selector.as_ref(),
                resources.object_selector.as_ref(),
            ),
        }
    }

    /// The version of a request that the rules are about; without rules the version it has. The inner
    /// error says what does not match.
    ///
    /// # Errors
    /// A [`Status`] if that cannot be decided.
    pub(crate) async fn served<'v>(
        &self,
        attributes: &Attributes<'_>,
        versions: &EncodedVersions<'v>,
        namespaces: &dyn Lookup<Namespace>,
    ) -> Result<Result<Served<'v>, Mismatch>, Status> {
        let matching = |rules| served(rules, self.equivalent, attributes, versions);
        let included = match self.rules.is_empty() {
            true => Some(versions.requested),
            false => matching(&self.rules),
        };
        let Some(included) = included else {
            return Ok(Err(Mismatch::Rules));
        };
        if matching(&self.excluded).is_some() {
            return Ok(Err(Mismatch::Excluded));
        }
        if self.selectors.are_everything() {
            return Ok(Ok(included));
        }
        let mismatch = self.selectors.mismatch(attributes, namespaces).await?;
        Ok(mismatch.map_or(Ok(included), Err))
    }

    /// A mismatch in words.
    pub(crate) fn words(&self, mismatch: Mismatch) -> String {
        self.selectors.words(mismatch, &self.rules)
    }
}
