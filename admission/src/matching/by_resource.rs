//! An index of items by the resources in their rules.

use std::collections::{BTreeSet, HashMap};

use super::rules::Rule;

/// Items in their order, found by the resources in their rules.
#[derive(Debug)]
pub(crate) struct ByResource<T> {
    /// The items of each resource that a rule names.
    named: HashMap<Box<str>, Vec<T>>,
    /// The items of all other resources.
    of_any: Vec<T>,
    all: Vec<T>,
}

impl<T> Default for ByResource<T> {
    fn default() -> Self {
        Self {
            named: HashMap::new(),
            of_any: Vec::new(),
            all: Vec::new(),
        }
    }
}

impl<T: Clone> ByResource<T> {
    /// An index of items; one without rules matches nothing.
    pub(crate) fn new(items: &[T], rules: impl Fn(&T) -> &[Rule]) -> Self {
        let all_rules = items.iter().flat_map(&rules);
        let named: BTreeSet<_> = all_rules
            .flat_map(|rule| rule.resources().unwrap_or_default())
            .collect();
        let about = |resource: Option<&str>| -> Vec<T> {
            let is_about = |item: &&T| {
                rules(item).iter().any(|rule| match rule.resources() {
                    None => true,
                    Some(names) => resource.is_some_and(|r| names.contains(&r)),
                })
            };
            items.iter().filter(is_about).cloned().collect()
        };
        let named = named
            .into_iter()
            .map(|name| (name.into(), about(Some(name))));
        Self {
            named: named.collect(),
            of_any: about(None),
            all: items.to_vec(),
        }
    }

    /// All of them, to explain which are not about a resource.
    pub(crate) fn all(&self) -> &[T] {
        &self.all
    }

    /// Those of which a rule may be about a resource, in whatever group and version.
    pub(crate) fn about(&self, resource: &str) -> &[T] {
        self.named.get(resource).unwrap_or(&self.of_any)
    }
}
