//! Selection of objects by their labels, and by those of their namespace.
//!
//! Upstream: `plugin/webhook/predicates/namespace` and `…/object`.

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use portcullis_api::selector::{LabelSelector, Labels};
use portcullis_api::{Object, Status};

use super::mismatch::Mismatch;
use super::rules::Rule;
use crate::attributes::NAMESPACES;
use crate::lookup::Lookup;
use crate::{Attributes, Operation};

/// The selectors of a webhook, a policy or a binding.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selectors {
    namespace: LabelSelector,
    object: LabelSelector,
}

impl Selectors {
    /// An unset selector is defaulted to an empty one, which selects everything.
    pub(crate) fn new(
        namespace: Option<&meta::LabelSelector>,
        object: Option<&meta::LabelSelector>,
    ) -> Self {
        let selector = |selector: Option<&meta::LabelSelector>| {
            selector.map_or_else(LabelSelector::default, |selector| {
                LabelSelector::of(Some(selector))
            })
        };
        Self {
            namespace: selector(namespace),
            object: selector(object),
        }
    }

    /// Whether they select everything, as most do.
    pub(crate) fn are_everything(&self) -> bool {
        self.namespace.is_everything() && self.object.is_everything()
    }

    /// Which of them does not select the object of a request, if any.
    ///
    /// # Errors
    /// A [`Status`] if that cannot be decided.
    pub(crate) async fn mismatch(
        &self,
        attributes: &Attributes<'_>,
        namespaces: &dyn Lookup<Namespace>,
    ) -> Result<Option<Mismatch>, Status> {
        if !self.select_object(attributes) {
            return Ok(Some(Mismatch::Object));
        }
        let selected = self.select_namespace(attributes, namespaces).await?;
        Ok((!selected).then_some(Mismatch::Namespace))
    }

    /// Why a request does not match these selectors, or the rules beside them, in words.
    pub(crate) fn words(&self, mismatch: Mismatch, rules: &[Rule]) -> String {
        match mismatch {
            Mismatch::Rules if rules.is_empty() => "it has no rules".to_owned(),
            Mismatch::Rules => {
                let rules: Vec<_> = rules.iter().map(ToString::to_string).collect();
                format!("its rules are for {}", rules.join("; "))
            }
            Mismatch::Excluded => "its excludeResourceRules exclude this".to_owned(),
            Mismatch::Namespace => format!(
                "its namespaceSelector {} does not select the namespace",
                self.namespace
            ),
            Mismatch::Object => format!(
                "its objectSelector {} does not select the object",
                self.object
            ),
        }
    }

    /// An object in no namespace is always selected; a namespace is, by its own labels.
    async fn select_namespace(
        &self,
        attributes: &Attributes<'_>,
        namespaces: &dyn Lookup<Namespace>,
    ) -> Result<bool, Status> {
        let selector = &self.namespace;
        let name = attributes.namespace_or_itself();
        if selector.is_everything() || (name.is_empty() && !attributes.is_namespace()) {
            return Ok(true);
        }
        let written = matches!(attributes.operation, Operation::Create | Operation::Update);
        if attributes.is_namespace() && attributes.subresource.is_empty() && written {
            return Ok(selector.matches(labels(attributes.object.as_deref())));
        }
        let namespace = match namespaces.get("", name) {
            Some(namespace) => Some(namespace),
            // the cache may be stale
            None => namespaces.get_live("", name).await?,
        };
        let namespace = namespace.ok_or_else(|| Status::not_found(NAMESPACES, name))?;
        Ok(selector.matches(namespace.metadata.labels.as_ref()))
    }

    /// Either of the objects may be the selected one. The options of a connection have no labels that
    /// could be selected, or missing.
    fn select_object(&self, attributes: &Attributes<'_>) -> bool {
        let selector = &self.object;
        // a scale has no labels, whatever its object has
        let is_scale = attributes.subresource == "scale";
        let selects = |object: Option<&dyn Object>| {
            let found = object.map(|_| labels(object).filter(|_| !is_scale));
            found.is_some_and(|labels| selector.matches(labels))
        };
        if selector.is_everything() {
            return true;
        }
        attributes.operation != Operation::Connect
            && (selects(attributes.object.as_deref()) || selects(attributes.old_object))
    }
}

fn labels(object: Option<&dyn Object>) -> Option<&Labels> {
    object.and_then(|object| object.metadata().labels.as_ref())
}
