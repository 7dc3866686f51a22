//! The decision of an authorizer for all object names at once.

use std::collections::HashSet;

/// The set of object names for which a request is allowed: equal to calling
/// [`authorize`](crate::Authorizer::authorize) for each possible name.
///
/// Contains opinions in the order of the authorizers; for each name the first opinion on it
/// decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(Vec<Opinion>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Opinion {
    allows: bool,
    names: NameSet,
}

/// A set of object names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameSet {
    /// All names, including the empty one.
    All,
    /// Only these names.
    These(HashSet<String>),
}

// === impl Names ===

impl Names {
    /// Allows these names, without an opinion on others.
    pub fn allow(names: NameSet) -> Self {
        Self(vec![Opinion {
            allows: true,
            names,
        }])
    }

    /// Denies these names, without an opinion on others.
    pub fn deny(names: NameSet) -> Self {
        Self(vec![Opinion {
            allows: false,
            names,
        }])
    }

    /// Adds the opinions of the next authorizer, which apply to names without an opinion so far.
    #[must_use]
    pub fn then(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Whether there is an opinion on every name.
    pub(crate) fn is_final(&self) -> bool {
        self.0.iter().any(|opinion| opinion.names == NameSet::All)
    }

    /// Whether the request is allowed for an object with this name.
    pub fn contains(&self, name: &str) -> bool {
        let decisive = self.0.iter().find(|opinion| opinion.names.contains(name));
        decisive.is_some_and(|opinion| opinion.allows)
    }
}

// === impl NameSet ===

impl NameSet {
    fn contains(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => names.contains(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn these(names: &[&str]) -> NameSet {
        NameSet::These(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn the_first_opinion_on_a_name_decides() {
        let names = Names::default()
            .then(Names::allow(these(&["a"])))
            .then(Names::deny(these(&["a", "b"])))
            .then(Names::allow(these(&["b", "c"])));
        assert!(!names.is_final());
        for (name, allowed) in [("a", true), ("b", false), ("c", true), ("d", false)] {
            assert_eq!(names.contains(name), allowed, "{name}");
        }
        let names = names.then(Names::allow(NameSet::All));
        assert!(names.is_final());
        assert!(names.contains("") && names.contains("d") && !names.contains("b"));
    }
}
