//! A picture for browsers: the sources on the left, the targets on the right.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::picture::{Arrow, Node, Picture, Room};

const NODE: (usize, usize) = (230, 44);
const GAP: usize = 16;
const HEAD: usize = 34;
const TOP: usize = 44;
const LINE: usize = 14;
/// The space between the two columns, for arrows and their ports.
const BETWEEN: usize = 220;
/// How many letters fit a node.
const LETTERS: usize = 32;

const LEFT: usize = 2 * GAP;
const RIGHT: usize = LEFT + NODE.0 + BETWEEN;
const WIDTH: usize = RIGHT + NODE.0 + 2 * GAP;

const STYLE: &str = "text{font:13px sans-serif;fill:#222}.labels{font-size:11px;fill:#555}\
.room{fill:#f4f6f8;stroke:#9aa5b1}.outside{fill:none;stroke:#9aa5b1;stroke-dasharray:6 4}\
.pod{fill:#fff;stroke:#3b5b7a}.target{fill:#e3eefb;stroke:#3b5b7a;stroke-width:2}\
.yes{stroke:#1b7f3b;stroke-width:2;fill:none}.no{stroke:#c0392b;stroke-width:1.5;stroke-dasharray:5 4;fill:none}\
.ports{fill:#1b7f3b;font-size:12px}.cross{fill:#c0392b;font-weight:bold}";

/// The picture as an SVG document.
pub(super) fn draw(picture: &Picture) -> String {
    let mut drawing = Drawing::default();
    let mut y = TOP;
    for (at, room) in picture.rooms.iter().enumerate() {
        let targets = if at == 0 {
            picture.targets.as_slice()
        } else {
            &[]
        };
        y = drawing.room(room, targets, y) + GAP;
    }
    for arrow in &picture.arrows {
        drawing.arrow(arrow);
    }
    let mut text = String::new();
    let _ = writeln!(
        text,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{y}\" viewBox=\"0 0 {WIDTH} {y}\">"
    );
    let _ = writeln!(text, "<style>{STYLE}</style>");
    text.push_str(
        "<defs><marker id=\"tip\" markerWidth=\"9\" markerHeight=\"8\" refX=\"8\" refY=\"4\" orient=\"auto\">\
         <path d=\"M0,0 L9,4 L0,8 z\" fill=\"#1b7f3b\"/></marker></defs>\n",
    );
    let _ = writeln!(
        text,
        "<text x=\"{GAP}\" y=\"26\">{}</text>",
        escaped(&picture.title)
    );
    text + &drawing.boxes + &drawing.lines + "</svg>\n"
}

/// Boxes are drawn before lines; the positions of nodes are kept for these.
#[derive(Default)]
struct Drawing {
    boxes: String,
    lines: String,
    places: BTreeMap<String, usize>,
    /// By the node that arrows begin at: the ports written there.
    written: BTreeMap<String, Vec<String>>,
}

impl Drawing {
    /// Draws a room, and returns where it ends.
    fn room(&mut self, room: &Room, targets: &[Node], top: usize) -> usize {
        let rows = room.nodes.len().max(targets.len()).max(1);
        let height = HEAD + rows * (NODE.1 + GAP);
        let width = if targets.is_empty() {
            NODE.0 + 2 * GAP
        } else {
            RIGHT + NODE.0
        };
        let (class, name) = match &room.namespace {
            Some(namespace) => ("room", format!("Namespace {namespace}")),
            None => ("outside", "Outside".to_owned()),
        };
        let _ = writeln!(
            self.boxes,
            "<rect class=\"{class}\" x=\"{GAP}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>"
        );
        let _ = writeln!(
            self.boxes,
            "<text x=\"{LEFT}\" y=\"{}\">{}<tspan class=\"labels\" dx=\"8\">{}</tspan></text>",
            top + 22,
            escaped(&name),
            escaped(&room.labels)
        );
        self.column(&room.nodes, LEFT, "pod", top + HEAD);
        // a few targets are centred beside many sources
        let free = (rows - targets.len().min(rows)) * (NODE.1 + GAP) / 2;
        self.column(targets, RIGHT, "target", top + HEAD + free);
        top + height
    }

    fn column(&mut self, nodes: &[Node], x: usize, class: &str, top: usize) {
        for (at, node) in nodes.iter().enumerate() {
            let y = top + at * (NODE.1 + GAP);
            self.places.insert(node.id.clone(), y + NODE.1 / 2);
            let (width, height) = NODE;
            let _ = writeln!(
                self.boxes,
                "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>"
            );
            let lines = [(19, "name", &node.name), (35, "labels", &node.labels)];
            for (down, class, line) in lines {
                let _ = writeln!(
                    self.boxes,
                    "<text class=\"{class}\" x=\"{}\" y=\"{}\">{}</text>",
                    x + 10,
                    y + down,
                    escaped(&short(line))
                );
            }
        }
    }

    /// Writes the ports of an arrow at its start, unless another arrow from there has the same.
    fn ports(&mut self, arrow: &Arrow, ports: &str, from: usize, below: bool) {
        let written = self.written.entry(arrow.from.clone()).or_default();
        if written.iter().any(|other| other == ports) {
            return;
        }
        let down = LINE * written.len();
        written.push(ports.to_owned());
        let y = if below {
            from + 16 + down
        } else {
            (from - 6).saturating_sub(down)
        };
        let x = LEFT + NODE.0 + 8;
        let text = escaped(&short(ports));
        let _ = writeln!(
            self.lines,
            "<text class=\"ports\" x=\"{x}\" y=\"{y}\">{text}</text>"
        );
    }

    fn arrow(&mut self, arrow: &Arrow) {
        let places = (self.places.get(&arrow.from), self.places.get(&arrow.to));
        let (Some(&from), Some(&to)) = places else {
            return;
        };
        let (start, end) = (LEFT + NODE.0, RIGHT - 2);
        let bend = start + BETWEEN * 3 / 5;
        let path = format!(
            "M{start},{from} C{bend},{from} {},{to} {end},{to}",
            end - 40
        );
        match &arrow.ports {
            Some(ports) => {
                let _ = writeln!(
                    self.lines,
                    "<path class=\"yes\" d=\"{path}\" marker-end=\"url(#tip)\"/>"
                );
                self.ports(arrow, ports, from, to < from);
            }
            None => {
                let _ = writeln!(
                    self.lines,
                    "<path class=\"no\" d=\"{path}\"/>\n\
                     <text class=\"cross\" x=\"{}\" y=\"{}\">✕</text>",
                    start + 24,
                    from + 5
                );
            }
        }
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(LETTERS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}
