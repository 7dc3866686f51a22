//! The changes of a compilation in a table, and the script that makes the same changes in the kernel.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;

use super::table::{Changes, Set, TABLE, Table};

/// The parts of a table that have changed, as they were before.
#[derive(Debug, Default)]
pub(super) struct Edits {
    /// By name: whether it existed.
    sets: BTreeMap<String, SetEdit>,
    /// By name: whether it existed.
    chains: BTreeMap<String, bool>,
    /// By map and address: the chain it led to.
    entries: BTreeMap<(&'static str, IpAddr), Option<String>>,
}

#[derive(Debug, Default)]
struct SetEdit {
    is_new: bool,
    added: BTreeSet<String>,
    removed: BTreeSet<String>,
}

impl Table {
    /// Adds empty sets of both families. Rules name them even without elements.
    pub(super) fn put_set(&mut self, name: &str, key: &str, edits: &mut Edits) {
        for (family, kind) in [("4", "ipv4_addr"), ("6", "ipv6_addr")] {
            let name = format!("{name}-{family}");
            edits.sets.entry(name.clone()).or_default().is_new = true;
            let kind = format!("{kind}{key}");
            let elements = BTreeSet::new();
            self.sets.insert(name, Set { kind, elements });
        }
    }

    /// Removes the sets of both families.
    pub(super) fn remove_set(&mut self, name: &str, edits: &mut Edits) {
        for family in ["4", "6"] {
            let name = format!("{name}-{family}");
            self.sets.remove(&name);
            // the elements of a removed set need no changes
            *edits.sets.entry(name).or_default() = SetEdit::default();
        }
    }

    /// Sets all elements of the sets of both families.
    pub(super) fn fill(&mut self, name: &str, all: BTreeSet<(IpAddr, String)>, edits: &mut Edits) {
        let mut families = [BTreeSet::new(), BTreeSet::new()];
        for (address, element) in all {
            families[usize::from(address.is_ipv6())].insert(element);
        }
        for (family, elements) in ["4", "6"].iter().zip(families) {
            let name = format!("{name}-{family}");
            let Some(set) = self.sets.get_mut(&name) else {
                continue;
            };
            let edit = edits.sets.entry(name).or_default();
            let removed = set.elements.difference(&elements);
            edit.removed.extend(removed.cloned());
            edit.added
                .extend(elements.difference(&set.elements).cloned());
            set.elements = elements;
        }
    }

    /// Sets the elements of a set that begin with an address.
    pub(super) fn fill_address(
        &mut self,
        name: &str,
        address: IpAddr,
        now: &BTreeSet<String>,
        edits: &mut Edits,
    ) {
        let family = if address.is_ipv4() { "4" } else { "6" };
        let name = format!("{name}-{family}");
        let Some(set) = self.sets.get_mut(&name) else {
            return;
        };
        let before = set.at(address);
        if before == *now {
            return;
        }
        let edit = edits.sets.entry(name).or_default();
        for element in before.difference(now) {
            set.elements.remove(element);
            edit.removed.insert(element.clone());
        }
        for element in now.difference(&before) {
            set.elements.insert(element.clone());
            edit.added.insert(element.clone());
        }
    }

    /// Replaces or removes a chain.
    pub(super) fn put_chain(
        &mut self,
        name: String,
        rules: Option<Vec<String>>,
        edits: &mut Edits,
    ) {
        let before = self.chains.get(&name);
        if before == rules.as_ref() {
            return;
        }
        edits.chains.insert(name.clone(), before.is_some());
        match rules {
            Some(rules) => self.chains.insert(name, rules),
            None => self.chains.remove(&name),
        };
    }

    /// Replaces or removes the entry of an address in a map.
    pub(super) fn put_entry(
        &mut self,
        map: &'static str,
        address: IpAddr,
        chain: Option<String>,
        edits: &mut Edits,
    ) {
        let Some(entries) = self.maps.get_mut(map) else {
            return;
        };
        if entries.get(&address) == chain.as_ref() {
            return;
        }
        let before = match chain {
            Some(chain) => entries.insert(address, chain),
            None => entries.remove(&address),
        };
        edits.entries.insert((map, address), before);
    }
}

impl Set {
    /// The elements that begin with an address.
    fn at(&self, address: IpAddr) -> BTreeSet<String> {
        let first = address.to_string();
        let from = self.elements.range(first.clone()..);
        let here = from.take_while(|element| {
            let rest = element.strip_prefix(&first);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        });
        here.cloned().collect()
    }
}

impl Edits {
    /// The edits that led to `table`, for the kernel.
    pub(super) fn changes(&self, table: &Table) -> Changes {
        let mut changes = Changes::default();
        self.write_sets(table, &mut changes);
        self.write_chains(table, &mut changes);
        self.write_entries(table, &mut changes);
        changes
    }

    fn write_sets(&self, table: &Table, changes: &mut Changes) {
        for (name, edit) in &self.sets {
            match table.sets.get(name) {
                Some(set) if edit.is_new => {
                    let kind = &set.kind;
                    let _ = writeln!(changes.switch, "add set {TABLE} {name} {{ type {kind}; }}");
                }
                Some(_) => {}
                None => {
                    let _ = writeln!(changes.tidy, "delete set {TABLE} {name}");
                }
            }
            elements(&mut changes.switch, "delete", name, &edit.removed);
            elements(&mut changes.switch, "add", name, &edit.added);
        }
    }

    fn write_chains(&self, table: &Table, changes: &mut Changes) {
        let switch = &mut changes.switch;
        let mut gone = String::new();
        for (name, was_there) in &self.chains {
            let Some(rules) = table.chains.get(name) else {
                let _ = writeln!(gone, "delete chain {TABLE} {name}");
                continue;
            };
            let _ = writeln!(switch, "add chain {TABLE} {name}");
            if *was_there {
                let _ = writeln!(switch, "flush chain {TABLE} {name}");
            }
            for rule in rules {
                let _ = writeln!(switch, "add rule {TABLE} {name} {rule}");
            }
        }
        // a set can be deleted once no rule names it
        changes.tidy.insert_str(0, &gone);
    }

    fn write_entries(&self, table: &Table, changes: &mut Changes) {
        let mut maps: BTreeMap<&str, [BTreeSet<String>; 2]> = BTreeMap::new();
        for ((map, address), before) in &self.entries {
            let [removed, added] = maps.entry(map).or_default();
            let entry = |chain: &String| format!("{address} : jump {chain}");
            let now = table.maps.get(map).and_then(|map| map.get(address));
            removed.extend(before.as_ref().map(entry));
            added.extend(now.map(entry));
        }
        for (map, [removed, added]) in &maps {
            elements(&mut changes.switch, "delete", map, removed);
            elements(&mut changes.switch, "add", map, added);
        }
    }
}

fn elements(script: &mut String, verb: &str, name: &str, elements: &BTreeSet<String>) {
    if !elements.is_empty() {
        let elements: Vec<_> = elements.iter().map(String::as_str).collect();
        let elements = elements.join(", ");
        let _ = writeln!(script, "{verb} element {TABLE} {name} {{ {elements} }}");
    }
}
