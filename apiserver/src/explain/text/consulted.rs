//! Webhooks and policies in words.

use std::fmt::Write as _;

use super::{Page, difference};
use crate::explain::consulted::{Consulted, Verdict};

impl Page {
    /// What a plugin's webhooks or policies said.
    pub(super) fn consulted(&mut self, depth: usize, consulted: &[Consulted]) {
        for one in consulted {
            self.one_consulted(depth, one);
        }
    }

    fn one_consulted(&mut self, depth: usize, one: &Consulted) {
        let (name, because) = (name(one), one.because.as_slice());
        let said = match (one.verdict, one.webhook.is_empty()) {
            (Verdict::Skipped, true) => "is not evaluated",
            (Verdict::Skipped, false) => "is not called",
            (Verdict::NotCalled, _) => "would be called; here it was not",
            (Verdict::Allowed, _) if !one.changes.is_empty() => "changes it",
            (Verdict::Allowed, _) => "accepts it",
            (Verdict::Denied, _) => "denies it",
            (Verdict::Failed, _) => "fails",
            (Verdict::FailedOpen, _) => "fails, which its failure policy ignores",
            (Verdict::Violated, _) => "does not accept it",
        };
        let actions = match one.actions.as_slice() {
            [] => String::new(),
            actions => format!(" ({})", actions.join(", ")),
        };
        match because {
            [] => self.line(depth, &format!("{name} {said}{actions}")),
            [why] => self.line(depth, &format!("{name} {said}{actions}: {why}")),
            several => {
                self.line(depth, &format!("{name} {said}{actions}"));
                for why in several {
                    self.line(depth + 1, why);
                }
            }
        }
        for change in &one.changes {
            self.line(depth + 1, &difference(change));
        }
    }
}

/// Such as `policy "a" with binding "b"`.
fn name(one: &Consulted) -> String {
    if !one.webhook.is_empty() {
        return format!("webhook {:?} of {:?}", one.webhook, one.configuration);
    }
    let mut name = format!("policy {:?}", one.policy);
    for (what, value) in [
        ("with binding", &one.binding),
        ("and parameters", &one.params),
    ] {
        if !value.is_empty() {
            // writing to a string does not fail
            let _ = write!(name, " {what} {value:?}");
        }
    }
    name
}
