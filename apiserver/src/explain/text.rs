//! An explanation as text.

use std::fmt::Write as _;

use serde_json::Value;

use super::diff::Difference;
use super::{
    Authentication, AuthenticatorStep, Authorization, AuthorizerStep, Binding, Decision,
    Explanation, Impersonation, Phase, PluginStep, Policies, Policy, User,
};

mod consulted;
mod rule;

/// The length at which a value is cut.
const LONGEST: usize = 120;

/// An explanation as text, stage by stage.
pub fn render(explanation: &Explanation) -> String {
    let mut page = Page::default();
    page.line(0, &format!("request  {}", explanation.request));
    let answer = &explanation.answer;
    match &answer.refused_by {
        None => page.line(0, &format!("answer   {}, allowed", answer.code)),
        Some(stage) => {
            page.line(0, &format!("answer   {}, refused by {stage}", answer.code));
            page.line(0, &format!("         {}", answer.message));
        }
    }
    for sentence in &explanation.because {
        page.line(0, &format!("because  {sentence}"));
    }
    page.authentication(&explanation.authentication);
    if let Some(impersonation) = &explanation.impersonation {
        page.impersonation(impersonation);
    }
    if let Some(authorization) = &explanation.authorization {
        page.head(
            "May you?",
            &format!("{}: {}", authorization.question, verdict(authorization)),
        );
        page.authorization(1, authorization);
    }
    if let Some(plugins) = &explanation.admission {
        let refused = plugins.iter().any(|step| step.refused.is_some());
        let verdict = if refused { "no" } else { "yes" };
        page.head("Is the request acceptable?", verdict);
        page.admission(plugins);
    }
    page.text
}

const fn verdict(authorization: &Authorization) -> &'static str {
    if authorization.allowed { "yes" } else { "no" }
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, depth: usize, text: &str) {
        let _ = writeln!(self.text, "{:1$}{text}", "", depth * 2);
    }

    fn head(&mut self, question: &str, answer: &str) {
        let _ = writeln!(self.text, "\n{question}  {answer}");
    }

    fn authentication(&mut self, authentication: &Authentication) {
        let user = authentication.user.as_ref();
        self.head("Who are you?", &user.map_or("unknown".to_owned(), whole));
        if authentication.asked.is_empty() {
            self.line(1, "the caller: the request contains no other credentials");
        }
        for step in &authentication.asked {
            self.line(1, &format!("{}: {}", step.by, said(step)));
        }
    }

    fn impersonation(&mut self, impersonation: &Impersonation) {
        let head = format!("as {}", whole(&impersonation.user));
        self.head("Impersonating another user?", &head);
        for need in &impersonation.needs {
            self.line(1, &format!("{}: {}", need.question, verdict(need)));
            self.authorization(2, need);
        }
    }

    fn authorization(&mut self, depth: usize, authorization: &Authorization) {
        for step in &authorization.asked {
            // Members of system:masters need no rule; for other users the line would add nothing.
            if step.by == "system:masters" && step.decision == Decision::NoOpinion {
                continue;
            }
            self.authorizer(depth, step);
        }
    }

    fn authorizer(&mut self, depth: usize, step: &AuthorizerStep) {
        let by = &step.by;
        if let Some(allows) = step.bindings.iter().find(|b| b.rule.is_some()) {
            self.line(depth, &format!("{by} allows it, by {}", allows.binding));
            if let Some(rule) = &allows.rule {
                self.line(depth + 1, &format!("its rule: {}", rule::words(rule)));
            }
            return;
        }
        let said = match step.decision {
            Decision::Allow if matches!(&**by, "system:masters" | "AlwaysAllow") => {
                "allows everything"
            }
            Decision::Allow => "allows it",
            Decision::Deny => "denies it",
            Decision::NoOpinion if by == "RBAC" => "does not allow it",
            Decision::NoOpinion => "has no opinion",
        };
        let mut why: Vec<_> = [&step.reason, &step.note, &step.error]
            .into_iter()
            .map(String::as_str)
            .filter(|why| !why.is_empty())
            .collect();
        if by == "RBAC" && why.is_empty() && step.bindings.is_empty() {
            why.push("no binding is for this user or a group of theirs");
        }
        let why = match why.as_slice() {
            [] => String::new(),
            why => format!(": {}", why.join("; ")),
        };
        self.line(depth, &format!("{by} {said}{why}"));
        for binding in &step.bindings {
            self.line(
                depth + 1,
                &format!("{}: {}", binding.binding, silent(binding)),
            );
        }
    }

    fn admission(&mut self, plugins: &[PluginStep]) {
        let mut shown = false;
        for run in plugins.chunk_by(|a, b| is_plain(a) && is_plain(b) && a.phase == b.phase) {
            match run {
                [step] if !is_plain(step) => {
                    // The policies are shown a second time only if the plugin denies the request.
                    let news = !shown || step.refused.is_some();
                    shown |= step.policies.is_some();
                    self.plugin(step, news);
                }
                run => self.accepting(run),
            }
        }
    }

    /// Consecutive plugins without a change or an error.
    fn accepting(&mut self, run: &[PluginStep]) {
        let names: Vec<_> = run.iter().map(|step| step.plugin.as_str()).collect();
        let accept = match (run.len(), run.first().map(|step| step.phase)) {
            (1, Some(Phase::Validate)) => "accepts the result",
            (_, Some(Phase::Validate)) => "accept the result",
            (1, _) => "accepts it",
            (_, _) => "accept it",
        };
        self.line(1, &format!("{} {accept}", names.join(", ")));
    }

    fn plugin(&mut self, step: &PluginStep, news: bool) {
        let does = match (&step.refused, step.changes.is_empty(), step.phase) {
            (Some(_), _, Phase::Mutate) => "refuses it",
            (Some(_), _, Phase::Validate) => "refuses the result",
            (None, false, _) => "changes it",
            (None, true, Phase::Mutate) => "accepts it",
            (None, true, Phase::Validate) => "accepts the result",
        };
        self.line(1, &format!("{} {does}", step.plugin));
        let told_below = step.consulted.iter().any(|one| !one.changes.is_empty());
        for change in step.changes.iter().filter(|_| !told_below) {
            self.line(2, &difference(change));
        }
        self.consulted(2, &step.consulted);
        if let Some(policies) = step.policies.as_ref().filter(|_| news) {
            self.policies(policies);
        }
    }

    fn policies(&mut self, policies: &Policies) {
        self.line(
            2,
            &format!("users whose rights apply: {}", policies.asked.join(", ")),
        );
        if policies.tried.is_empty() {
            self.line(2, "there is no policy");
        }
        for policy in &policies.tried {
            self.policy(policy, &policies.asked);
        }
    }

    fn policy(&mut self, policy: &Policy, asked: &[String]) {
        let chosen = if policy.chosen {
            ", which admits the pod"
        } else {
            ""
        };
        self.line(2, &format!("policy {:?}{chosen}", policy.name));
        match (&policy.usable_by, &policy.through) {
            (Some(user), Some(through)) => {
                self.line(3, &format!("{user} may use it"));
                self.authorization(4, through);
            }
            _ => {
                let who = asked.join(", ");
                self.line(
                    3,
                    &format!("may not be used: no binding allows its use by {who}"),
                );
            }
        }
        if policy.accepts {
            let how = if policy.fills_in {
                ", after setting defaults"
            } else {
                " unchanged"
            };
            self.line(3, &format!("accepts the pod{how}"));
        } else {
            self.line(3, "does not accept the pod");
        }
        for error in &policy.errors {
            self.line(4, error);
        }
    }
}

const fn is_plain(step: &PluginStep) -> bool {
    step.refused.is_none()
        && step.changes.is_empty()
        && step.policies.is_none()
        && step.consulted.is_empty()
}

fn whole(user: &User) -> String {
    let mut words = user.name.clone();
    if !user.uid.is_empty() {
        let _ = write!(words, ", uid {}", user.uid);
    }
    if !user.groups.is_empty() {
        let _ = write!(words, ", in the groups {}", user.groups.join(", "));
    }
    for (key, values) in &user.extra {
        let _ = write!(words, ", {key} {}", values.join(", "));
    }
    words
}

fn said(step: &AuthenticatorStep) -> String {
    match (&step.identified, &step.refused) {
        (Some(user), _) => format!("it is {}", user.name),
        (None, Some(why)) => why.clone(),
        (None, None) => "no credentials for it".to_owned(),
    }
}

fn silent(binding: &Binding) -> String {
    match (&binding.error, binding.silent_rules) {
        (Some(error), _) => error.clone(),
        (None, Some(1)) => "its one rule does not allow it".to_owned(),
        (None, rules) => format!("none of its {} rules allows it", rules.unwrap_or_default()),
    }
}

fn difference(difference: &Difference) -> String {
    let path = &difference.path;
    match (&difference.before, &difference.after) {
        (None, Some(after)) => format!("+ {path}: {}", short(after)),
        (Some(before), None) => format!("- {path}: {}", short(before)),
        (before, after) => {
            let side = |value: &Option<Value>| value.as_ref().map_or_else(String::new, short);
            format!("~ {path}: {} -> {}", side(before), side(after))
        }
    }
}

/// JSON, shortened: `-o json` has all of it.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
