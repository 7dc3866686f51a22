//! Answers as text.

use std::fmt::Write as _;

use super::connect::{Allowed, Answer, Judged, State};
use super::reach::{Change, Reached};
use super::words;

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, depth: usize, text: &str) {
        let _ = writeln!(self.text, "{:1$}{text}", "", depth * 2);
    }

    fn head(&mut self, question: &str, answer: &str) {
        let line = format!("{question}  {answer}");
        let _ = writeln!(self.text, "\n{}", line.trim_end());
    }
}

const fn verdict(allowed: bool) -> &'static str {
    if allowed { "yes" } else { "no" }
}

fn whole(state: &State) -> String {
    let yes = state.connections.iter().filter(|c| c.allowed).count();
    match (state.allowed, state.connections.len()) {
        (Allowed::No, 0) => "no: the service has no endpoints".to_owned(),
        (Allowed::Partly, all) => {
            format!("at {yes} of the {all} endpoints of the service, not at the others")
        }
        (Allowed::Yes, _) => "yes".to_owned(),
        (Allowed::No, _) => "no".to_owned(),
    }
}

/// The answer of `why connect`. With given policies it explains the state that they would make.
pub(super) fn connect(answer: &Answer) -> String {
    let mut page = Page::default();
    page.line(0, &format!("request  {}", answer.request));
    page.line(0, &format!("answer   {}", whole(&answer.now)));
    let state = match &answer.with_policies {
        None => &answer.now,
        Some(with) => {
            let (now, then) = (whole(&answer.now), whole(with));
            let change = if now == then { "still " } else { "" };
            page.line(0, &format!("applied  {change}{then}, as explained here"));
            with
        }
    };
    if let Some(service) = &state.service {
        page.head("Where does it go?", service);
    }
    let connections = &state.connections;
    for (at, judged) in connections.iter().enumerate() {
        let mut before = connections.iter().take(at);
        match before.find(|other| is_alike(other, judged)) {
            Some(other) => page.likewise(judged, other),
            None => page.judged(judged),
        }
    }
    page.text
}

/// Whether two endpoints of a service are judged for the same reasons.
fn is_alike(one: &Judged, other: &Judged) -> bool {
    let reasons = |judged: &Judged| (judged.verdict.clone(), judged.port);
    reasons(one) == reasons(other) && one.remedies == other.remedies
}

impl Page {
    fn likewise(&mut self, judged: &Judged, other: &Judged) {
        let (to, port, protocol) = (&judged.to, judged.port, judged.protocol);
        let reach = format!("May it reach {to}, port {port} of {protocol}?");
        let likewise = format!("{}, as {}", verdict(judged.allowed), other.to);
        self.head(&reach, &likewise);
    }

    fn judged(&mut self, judged: &Judged) {
        let (egress, ingress) = (&judged.verdict.egress, &judged.verdict.ingress);
        let leave = format!("May it leave {}?", judged.from);
        self.head(&leave, verdict(egress.allowed()));
        for line in &judged.egress {
            self.line(1, line);
        }
        let (to, port, protocol) = (&judged.to, judged.port, judged.protocol);
        let reach = format!("May it reach {to}, port {port} of {protocol}?");
        self.head(&reach, verdict(ingress.allowed()));
        for line in &judged.ingress {
            self.line(1, line);
        }
        for remedy in &judged.remedies {
            let (place, entry) = words::remedy(remedy);
            self.head("What would have to change?", &place);
            self.line(1, &entry);
        }
    }
}

/// The answers of `why reach`, one for each pod.
pub(super) fn reach(answers: &[Reached]) -> String {
    let mut page = Page::default();
    for (at, answer) in answers.iter().enumerate() {
        if at > 0 {
            page.line(0, "");
        }
        page.reached(answer);
    }
    page.text
}

impl Page {
    fn reached(&mut self, answer: &Reached) {
        self.line(0, &format!("request  {}", answer.request));
        let (some, all) = (answer.pods_that_do(), answer.pods());
        self.line(0, &format!("answer   {some} of the {all} other pods"));
        let wide = answer.sources.iter().map(|s| s.who.chars().count()).max();
        let wide = wide.unwrap_or_default();
        for (head, does) in [("Who does?", true), ("Who does not?", false)] {
            let mut sources = answer.sources.iter().filter(|s| s.ports.is_empty() != does);
            let Some(first) = sources.next() else {
                continue;
            };
            self.head(head, "");
            for source in [first].into_iter().chain(sources) {
                let gap = wide - source.who.chars().count();
                let ports = if does {
                    format!("{}: ", source.ports)
                } else {
                    String::new()
                };
                let why = &source.because;
                self.line(1, &format!("{}{:gap$}  {ports}{why}", source.who, ""));
            }
        }
        if let Some(changes) = &answer.changes {
            self.changes(changes);
        }
    }

    fn changes(&mut self, changes: &[Change]) {
        let head = if changes.is_empty() { "nothing" } else { "" };
        self.head("What would be new?", head);
        for Change { who, before, after } in changes {
            self.line(1, &format!("{who}  {after}, and now {before}"));
        }
    }
}
