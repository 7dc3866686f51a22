//! Two indices over labels, so that a change costs only what it affects: from labels to the things that have
//! them, and from labels to the selectors that may match them.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_api::selector::{LabelSelector, Labels, Operator};

type Pairs<T> = BTreeMap<String, BTreeMap<String, BTreeSet<T>>>;

/// A requirement that every match of a selector fulfils with a label.
enum Anchor<'a> {
    /// A label with one of these values.
    Values(&'a str, &'a [String]),
    /// A label with any value.
    Key(&'a str),
    /// None: missing labels may match.
    Nowhere,
}

fn anchor(selector: &LabelSelector) -> Anchor<'_> {
    let mut key = None;
    for requirement in &selector.requirements {
        match &requirement.operator {
            Operator::In(values) => return Anchor::Values(&requirement.key, values),
            Operator::Exists | Operator::GreaterThan(_) | Operator::LessThan(_) => {
                key = Some(requirement.key.as_str());
            }
            Operator::NotIn(_) | Operator::DoesNotExist => {}
        }
    }
    key.map_or(Anchor::Nowhere, Anchor::Key)
}

/// Things with labels.
#[derive(Clone, Debug)]
pub struct Labelled<T> {
    pairs: Pairs<T>,
    all: BTreeSet<T>,
}

impl<T> Default for Labelled<T> {
    fn default() -> Self {
        Self {
            pairs: BTreeMap::new(),
            all: BTreeSet::new(),
        }
    }
}

impl<T: Clone + Ord> Labelled<T> {
    /// Adds a new thing.
    pub fn insert(&mut self, thing: &T, labels: &Labels) {
        self.all.insert(thing.clone());
        for (key, value) in labels {
            let values = self.pairs.entry(key.clone()).or_default();
            values
                .entry(value.clone())
                .or_default()
                .insert(thing.clone());
        }
    }

    /// Removes something that has these labels.
    pub fn remove(&mut self, thing: &T, labels: &Labels) {
        self.all.remove(thing);
        for (key, value) in labels {
            remove(&mut self.pairs, key, value, thing);
        }
    }

    /// The things that may match a selector: at least those that do.
    pub fn candidates(&self, selector: &LabelSelector) -> Vec<&T> {
        let values = |key: &str| self.pairs.get(key).into_iter();
        match anchor(selector) {
            Anchor::Values(key, wanted) => values(key)
                .flat_map(|values| wanted.iter().filter_map(|value| values.get(value)))
                .flatten()
                .collect(),
            Anchor::Key(key) => values(key).flat_map(BTreeMap::values).flatten().collect(),
            Anchor::Nowhere => self.all.iter().collect(),
        }
    }
}

/// Things with a selector.
#[derive(Clone, Debug)]
pub struct Selecting<T> {
    pairs: Pairs<T>,
    keys: BTreeMap<String, BTreeSet<T>>,
    others: BTreeSet<T>,
}

impl<T> Default for Selecting<T> {
    fn default() -> Self {
        Self {
            pairs: BTreeMap::new(),
            keys: BTreeMap::new(),
            others: BTreeSet::new(),
        }
    }
}

impl<T: Clone + Ord> Selecting<T> {
    /// Adds a new thing.
    pub fn insert(&mut self, thing: &T, selector: &LabelSelector) {
        match anchor(selector) {
            Anchor::Values(key, wanted) => {
                let values = self.pairs.entry(key.to_owned()).or_default();
                for value in wanted {
                    values
                        .entry(value.clone())
                        .or_default()
                        .insert(thing.clone());
                }
            }
            Anchor::Key(key) => {
                let things = self.keys.entry(key.to_owned()).or_default();
                things.insert(thing.clone());
            }
            Anchor::Nowhere => {
                self.others.insert(thing.clone());
            }
        }
    }

    /// Removes something that has this selector.
    pub fn remove(&mut self, thing: &T, selector: &LabelSelector) {
        match anchor(selector) {
            Anchor::Values(key, wanted) => {
                for value in wanted {
                    remove(&mut self.pairs, key, value, thing);
                }
            }
            Anchor::Key(key) => {
                if let Some(things) = self.keys.get_mut(key) {
                    things.remove(thing);
                    if things.is_empty() {
                        self.keys.remove(key);
                    }
                }
            }
            Anchor::Nowhere => {
                self.others.remove(thing);
            }
        }
    }

    /// The things whose selector may match labels: at least those whose selector does, each once.
    pub fn candidates(&self, labels: &Labels) -> BTreeSet<&T> {
        let mut found: BTreeSet<_> = self.others.iter().collect();
        for (key, value) in labels {
            let of_pair = self.pairs.get(key).and_then(|values| values.get(value));
            found.extend(of_pair.into_iter().flatten());
            found.extend(self.keys.get(key).into_iter().flatten());
        }
        found
    }
}

fn remove<T: Ord>(pairs: &mut Pairs<T>, key: &str, value: &str, thing: &T) {
    let Some(values) = pairs.get_mut(key) else {
        return;
    };
    if let Some(things) = values.get_mut(value) {
        things.remove(thing);
        if things.is_empty() {
            values.remove(value);
        }
    }
    if values.is_empty() {
        pairs.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Labels {
        let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
        pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    }

    fn selector(text: &str) -> LabelSelector {
        LabelSelector::parse(text).unwrap()
    }

    #[test]
    fn things_with_other_labels_are_not_candidates() {
        let mut index = Labelled::default();
        for (pod, has) in [("a", "app=x,tier=1"), ("b", "app=y"), ("c", "")] {
            index.insert(&pod, &labels(has));
        }
        for (wanted, found) in [
            ("app=x", vec![&"a"]),
            ("tier!=1,app=y", vec![&"b"]),
            ("app in (x,y)", vec![&"a", &"b"]),
            ("tier", vec![&"a"]),
            ("!app", vec![&"a", &"b", &"c"]),
            ("app=z", vec![]),
        ] {
            assert_eq!(index.candidates(&selector(wanted)), found, "{wanted}");
        }
        index.remove(&"a", &labels("app=x,tier=1"));
        assert!(index.candidates(&selector("tier")).is_empty());
    }

    #[test]
    fn selectors_of_other_labels_are_not_candidates() {
        let mut index = Selecting::default();
        for wanted in ["app=x", "app in (x,y),tier=1", "tier", "!team", ""] {
            index.insert(&wanted, &selector(wanted));
        }
        for (has, found) in [
            ("app=x", vec!["", "!team", "app in (x,y),tier=1", "app=x"]),
            ("app=z,tier=2", vec!["", "!team", "tier"]),
            ("other=x", vec!["", "!team"]),
        ] {
            let candidates = index.candidates(&labels(has));
            assert_eq!(candidates.into_iter().copied().collect::<Vec<_>>(), found);
        }
        for wanted in ["app=x", "app in (x,y),tier=1", "tier", "!team", ""] {
            index.remove(&wanted, &selector(wanted));
        }
        assert!(index.candidates(&labels("app=x,tier=1")).is_empty());
    }
}
