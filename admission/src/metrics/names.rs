//! Names that operators choose, as values of labels.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// How many names are counted separately, also those of objects that are gone by now.
const NAMES_MAX: usize = 1000;
/// What all further names are counted as.
pub const OTHERS: &str = "(others)";

/// The names that are counted separately. Clones know the same.
#[derive(Clone, Debug, Default)]
pub struct Names(Arc<Mutex<HashSet<String>>>);

impl Names {
    /// Whether a name is one of them; it becomes one as long as there are few.
    pub fn has(&self, name: &str) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(name) || (known.len() < NAMES_MAX && known.insert(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_never_more_names_than_the_limit() {
        let names = Names::default();
        assert!((0..NAMES_MAX).all(|name| names.has(&name.to_string())));
        assert!(!names.has("one more") && names.has("7"));
    }
}
