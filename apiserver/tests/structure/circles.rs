//! Import cycles among the modules of a crate.

use std::collections::{BTreeMap, BTreeSet};

use crate::module::{Crate, ModulePath};

type Graph = BTreeMap<String, BTreeSet<String>>;

/// Every import cycle among sibling modules. A module and its descendants count as one.
pub(crate) fn circles(krate: &Crate) -> Vec<String> {
    let mut imports = Vec::new();
    for path in krate.modules.keys() {
        imports.extend(krate.imported_by(path).into_iter().map(|to| (path, to)));
    }
    let mut found = Vec::new();
    let parents = krate
        .modules
        .keys()
        .filter_map(|module| module.split_last());
    for parent in parents.map(|(_, parent)| parent).collect::<BTreeSet<_>>() {
        let within = |(from, to): &(&ModulePath, ModulePath)| {
            let ends = (room(parent, from)?, room(parent, to)?);
            (ends.0 != ends.1).then_some(ends)
        };
        let mut rooms = Graph::new();
        for (from, to) in imports.iter().filter_map(within) {
            rooms.entry(from).or_default().insert(to);
        }
        for circle in circles_of(&rooms) {
            let ties = imports.iter().filter(|import| {
                within(import)
                    .is_some_and(|(from, to)| circle.contains(&from) && circle.contains(&to))
            });
            let ties: BTreeSet<_> = ties
                .map(|(from, to)| format!("\n    {} imports {}", from.join("::"), to.join("::")))
                .collect();
            found.push(format!("{}: {}", krate.name, String::from_iter(ties)));
        }
    }
    found
}

/// The child of `parent` that is a module or its ancestor.
fn room(parent: &[String], module: &[String]) -> Option<String> {
    module.strip_prefix(parent)?.first().cloned()
}

/// The sets of nodes that reach each other.
fn circles_of(graph: &Graph) -> BTreeSet<BTreeSet<String>> {
    let reached: BTreeMap<_, _> = graph
        .keys()
        .map(|node| (node, reachable(graph, node)))
        .collect();
    let circle = |(node, ahead): (&&String, &BTreeSet<String>)| {
        let back = |other: &&String| reached.get(*other).is_some_and(|r| r.contains(*node));
        let circle: BTreeSet<_> = ahead.iter().filter(back).cloned().collect();
        (!circle.is_empty()).then_some(circle)
    };
    reached.iter().filter_map(circle).collect()
}

fn reachable(graph: &Graph, from: &String) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut ahead: Vec<_> = graph.get(from).into_iter().flatten().collect();
    while let Some(node) = ahead.pop() {
        if seen.insert(node.clone()) {
            ahead.extend(graph.get(node).into_iter().flatten());
        }
    }
    seen
}
