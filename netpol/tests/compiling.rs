//! A table that is changed step by step equals a newly compiled one, and the scripts of the changes turn the
//! previous table into it.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_netpol::nft::{Changes, Table};

use crate::property::{change, world};
use crate::random::{NODES, Random};

/// The state of a table in nftables, with its strictness.
#[derive(Debug, Default, PartialEq, Eq)]
struct Loaded {
    /// Sets and maps, with their types.
    sets: BTreeMap<String, (String, BTreeSet<String>)>,
    chains: BTreeMap<String, Vec<String>>,
}

fn elements(text: &str) -> BTreeSet<String> {
    let texts = text.split(',').map(|element| element.trim().to_owned());
    texts.filter(|element| !element.is_empty()).collect()
}

impl Loaded {
    fn load(table: &Table) -> Self {
        let mut loaded = Self::default();
        let mut chain = None;
        for line in table.script().lines() {
            let line = line.trim();
            let set = line
                .strip_prefix("set ")
                .or_else(|| line.strip_prefix("map "));
            if let Some((name, rest)) = set.and_then(|set| set.split_once(" { type ")) {
                let (kind, rest) = rest.split_once(';').unwrap();
                let all = rest
                    .split_once("elements = {")
                    .map_or("", |(_, rest)| rest.trim_end_matches([' ', '}']));
                let set = (kind.to_owned(), elements(all));
                loaded.sets.insert(name.to_owned(), set);
            } else if let Some(name) = line.strip_prefix("chain ") {
                chain = Some(name.trim_end_matches(" {").to_owned());
            } else if line == "}" {
                chain = None;
            } else if let Some(name) = &chain {
                let rules = loaded.chains.entry(name.clone()).or_default();
                rules.push(line.to_owned());
            }
        }
        loaded
    }

    fn apply(&mut self, changes: &Changes) {
        for line in changes.switch.lines().chain(changes.tidy.lines()) {
            let (verb, rest) = line.split_once(" inet portcullis_netpol ").unwrap();
            let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            self.carry_out(verb, name, rest, line);
        }
        self.check_names();
    }

    fn carry_out(&mut self, verb: &str, name: &str, rest: &str, line: &str) {
        let inner = rest.trim_start_matches("{ ").trim_end_matches(" }");
        match verb {
            "add set" => {
                let kind = inner.trim_start_matches("type ").trim_end_matches(';');
                let set = (kind.to_owned(), BTreeSet::new());
                assert!(self.sets.insert(name.to_owned(), set).is_none(), "{line}");
            }
            "add element" | "delete element" => {
                let set = &mut self.sets.get_mut(name).unwrap().1;
                for element in elements(inner) {
                    let is_right = match verb {
                        "add element" => set.insert(element),
                        _ => set.remove(&element),
                    };
                    assert!(is_right, "{line}");
                }
            }
            "add chain" => {
                self.chains.entry(name.to_owned()).or_default();
            }
            "flush chain" => self.chains.get_mut(name).unwrap().clear(),
            "add rule" => self.chains.get_mut(name).unwrap().push(rest.to_owned()),
            "delete chain" => assert!(self.chains.remove(name).is_some(), "{line}"),
            "delete set" => assert!(self.sets.remove(name).is_some(), "{line}"),
            _ => panic!("{line}"),
        }
    }

    /// Asserts that everything that rules and maps name exists.
    fn check_names(&self) {
        for rule in self.chains.values().flatten() {
            for word in rule.split(' ').filter_map(|word| word.strip_prefix('@')) {
                assert!(self.sets.contains_key(word), "{rule}");
            }
        }
        for element in self.sets.values().flat_map(|(_, elements)| elements) {
            if let Some((_, chain)) = element.split_once(" : jump ") {
                assert!(self.chains.contains_key(chain), "{element}");
            }
        }
    }
}

#[test]
fn a_changed_table_is_like_a_new_one() {
    let mut random = Random(13);
    let (mut compared, mut changed) = (0, 0);
    for round in 0..300 {
        let mut world = world(&mut random);
        let closed = ["10.0.0.0/8".parse().unwrap()];
        let closed = &closed[..usize::from(round % 2 == 0)];
        let mut loaded = Loaded::load(world.follow(NODES[0], closed).table());
        for step in 0..40 {
            for _ in 0..=random.below(3) {
                change(&mut world, &mut random);
            }
            let changes = world.compilers[0].changes();
            changed += usize::from(changes != Changes::default());
            loaded.apply(&changes);
            let mut anew = world.compiler(NODES[0], closed);
            anew.changes();
            let place = format!("round {round}, step {step}");
            assert_eq!(world.compilers[0].table(), anew.table(), "{place}");
            assert_eq!(loaded, Loaded::load(anew.table()), "{place}");
            compared += 1;
        }
    }
    assert!(changed > compared / 4, "{changed} of {compared}");
}
