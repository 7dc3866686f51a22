//! A picture in Graphviz' language.

use std::fmt::Write as _;

use super::picture::{Node, Picture};

/// The picture as a digraph.
pub(super) fn draw(picture: &Picture) -> String {
    let mut text =
        String::from("digraph traffic {\n  rankdir=LR;\n  node [shape=box, style=rounded];\n");
    let _ = writeln!(text, "  label={};", quoted(&[&picture.title]));
    for (at, room) in picture.rooms.iter().enumerate() {
        let name = match &room.namespace {
            Some(namespace) => format!("namespace {namespace}"),
            None => "outside".to_owned(),
        };
        let _ = writeln!(text, "  subgraph cluster_{at} {{");
        let _ = writeln!(text, "    label={};", quoted(&[&name, &room.labels]));
        for node in &room.nodes {
            self::node(&mut text, node, "");
        }
        // the first room is that of the targets
        for node in picture.targets.iter().filter(|_| at == 0) {
            self::node(&mut text, node, ", penwidth=2");
        }
        text.push_str("  }\n");
    }
    for arrow in &picture.arrows {
        let (from, to) = (&arrow.from, &arrow.to);
        let style = match &arrow.ports {
            Some(ports) => format!("label={}, color=darkgreen", quoted(&[ports])),
            None => "label=\"no\", color=red, style=dashed".to_owned(),
        };
        let _ = writeln!(text, "  {from} -> {to} [{style}];");
    }
    text.push_str("}\n");
    text
}

fn node(text: &mut String, node: &Node, style: &str) {
    let label = quoted(&[&node.name, &node.labels]);
    let _ = writeln!(text, "    {} [label={label}{style}];", node.id);
}

/// Lines as one quoted string; empty ones are left out.
fn quoted(lines: &[&str]) -> String {
    let lines = lines.iter().filter(|line| !line.is_empty());
    let lines = lines.map(|line| line.replace('\\', "\\\\").replace('"', "\\\""));
    format!("\"{}\"", lines.collect::<Vec<_>>().join("\\n"))
}
