//! What an authorizer says of all names at once.

use std::collections::HashSet;

/// To which of all names there could be somebody may do something: what
/// [`authorize`](crate::Authorizer::authorize) says of one after the other, asked once.
///
/// Opinions in the order in which authorizers are asked; of a name, the first that speaks of it
/// decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(Vec<Opinion>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Opinion {
    allows: bool,
    of: NameSet,
}

/// A set of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameSet {
    /// Every one, the empty one too.
    All,
    /// These.
    These(HashSet<String>),
}

// === impl Names ===

impl Names {
    /// A yes to these, and no opinion on the others.
    pub fn allow(of: NameSet) -> Self {
        Self(vec![Opinion { allows: true, of }])
    }

    /// A no to these, and no opinion on the others.
    pub fn deny(of: NameSet) -> Self {
        Self(vec![Opinion { allows: false, of }])
    }

    /// What these leave open, the others decide.
    #[must_use]
    pub fn then(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Whether nothing is left open.
    pub(crate) fn is_final(&self) -> bool {
        self.0.iter().any(|opinion| opinion.of == NameSet::All)
    }

    /// Whether it may be done to what has this name.
    pub fn contains(&self, name: &str) -> bool {
        let decisive = self.0.iter().find(|opinion| opinion.of.contains(name));
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
