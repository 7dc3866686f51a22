//! Explains a request, stage by stage.

use portcullis_admission::Trace;
use portcullis_api::{Status, UserInfo};

use super::caller::Shown;
use super::consulted::Verdict;
use super::explainer::Explainer;
use super::target::{Change, ExplainedRequest};
use super::{
    Answer, Authentication, Authorization, Decision, Explanation, PluginStep, Policies, Question,
    admission, authorization,
};
use crate::access::authorization::check_reporting_failures;

/// Returns what the response to a request would be, and why.
///
/// # Errors
/// 400 for an invalid question.
pub async fn explain(
    explainer: &Explainer,
    asker: &UserInfo,
    question: Question,
) -> Result<Explanation, Status> {
    let shown = Shown::of(&question)?;
    let calls_webhooks = question.call_webhooks;
    let request = ExplainedRequest::of(question, &explainer.registry.catalogue())?;
    let (authentication, user) = shown
        .authenticate(explainer.authenticator.as_ref(), asker)
        .await;
    let mut explanation = Explanation {
        request: request.sentence(asker),
        answer: Answer {
            code: 200,
            refused_by: None,
            message: String::new(),
        },
        because: Vec::new(),
        authentication,
        impersonation: None,
        authorization: None,
        admission: None,
    };
    let trace = Trace::calling_webhooks(calls_webhooks);
    let ended = stages(explainer, &shown, &request, user, trace, &mut explanation).await;
    explanation.answer = match ended {
        Ok(code) => Answer {
            code,
            refused_by: None,
            message: String::new(),
        },
        Err((stage, status)) => Answer {
            code: status.code,
            refused_by: Some(stage),
            message: status.message,
        },
    };
    let sentences = because(&explanation);
    explanation.because.extend(sentences);
    Ok(explanation)
}

/// The stages after authentication, up to the one that rejects the request.
async fn stages(
    explainer: &Explainer,
    shown: &Shown,
    request: &ExplainedRequest,
    user: Result<UserInfo, Status>,
    trace: Trace,
    explanation: &mut Explanation,
) -> Result<u16, (String, Status)> {
    let at = |stage: &str| {
        let stage = stage.to_owned();
        move |status| (stage, status)
    };
    let authorizer = explainer.authorizer.as_ref();
    let user = user.map_err(at("authentication"))?;
    let (impersonation, user) = shown.impersonate(authorizer, &user).await;
    explanation.impersonation = impersonation;
    let user = user.map_err(at("impersonation"))?;
    let is_served = explainer.serves(request);
    if !is_served {
        explanation.because.push(unserved(request));
    }
    let attributes = request.attributes(&user);
    explanation.authorization = Some(authorization::explain(authorizer, &attributes).await);
    let allowed = check_reporting_failures(authorizer, &attributes).await;
    allowed.map_err(at("authorization"))?;
    if !is_served {
        return Err(at("routing")(Status::no_such_resource()));
    }
    let Some(change) = &request.change else {
        return Ok(200);
    };
    let changed = admission::explain(explainer, &user, request.namespace(), change, trace).await;
    let (plugins, changed) = changed;
    let refused = plugins.iter().find(|step| step.refused.is_some());
    let own = match change {
        Change::Write(_) => "validation",
        Change::Delete(_) => "storage",
    };
    let stage = refused.map_or_else(
        || own.to_owned(),
        |step| format!("admission: {}", step.plugin),
    );
    explanation.admission = Some(plugins);
    changed.map_err(at(&stage))
}

fn unserved(request: &ExplainedRequest) -> String {
    format!("This server has no resource \"{}\".", request.resource())
}

/// The sentences that matter most: what the response alone does not say.
fn because(explanation: &Explanation) -> Vec<String> {
    let mut sentences = Vec::new();
    match (&explanation.authentication, &explanation.authorization) {
        (Authentication { user: None, .. }, _) => {
            sentences.push("No authenticator accepts these credentials.".to_owned());
        }
        (_, Some(decision)) if !decision.allowed => sentences.push(not_allowed(decision)),
        _ => {}
    }
    sentences.extend(explanation.admission.as_deref().and_then(not_called));
    let plugins = explanation.admission.iter().flatten();
    let mut judged = plugins.filter_map(|step| Some((step, step.policies.as_ref()?)));
    let refused = judged.clone().find(|(step, _)| step.refused.is_some());
    if let Some((step, policies)) = refused.or_else(|| judged.next()) {
        sentences.extend(of_policies(step, policies));
    }
    sentences
}

fn not_allowed(decision: &Authorization) -> String {
    let question = &decision.question;
    match decision.asked.last() {
        Some(step) if step.decision == Decision::Deny => {
            format!("{} denies to {question}, whatever others say.", step.by)
        }
        _ => {
            format!(
                "No authorizer allows the user to {question}; rights are granted only by bindings."
            )
        }
    }
}

/// What is not known without calling webhooks.
fn not_called(plugins: &[PluginStep]) -> Option<String> {
    let consulted = plugins.iter().flat_map(|step| &step.consulted);
    let not_called = consulted.filter(|consulted| consulted.verdict == Verdict::NotCalled);
    let webhooks = match not_called.count() {
        0 => return None,
        1 => "A webhook was not called that".to_owned(),
        more => format!("{more} webhooks were not called that"),
    };
    Some(format!(
        "{webhooks} the request would be sent to: what is said here of admission is what it comes to if \
         they allow it unchanged."
    ))
}

/// Upstream only lists the errors of policies that the caller may use. What it leaves out is why a
/// list is empty, and which policy would have accepted the pod.
fn of_policies(step: &PluginStep, policies: &Policies) -> Vec<String> {
    let who = match policies.asked.as_slice() {
        [only] => format!("{only} may not"),
        several => format!("neither {} may", several.join(" nor ")),
    };
    let names = |wanted: &dyn Fn(&super::Policy) -> bool| {
        let found = policies.tried.iter().filter(|p| wanted(p));
        found.map(|p| format!("{:?}", p.name)).collect::<Vec<_>>()
    };
    if let Some(chosen) = policies.tried.iter().find(|p| p.chosen) {
        let by = chosen.usable_by.as_deref().unwrap_or_default();
        let how = if chosen.fills_in {
            "with the policy's defaults"
        } else {
            "unchanged"
        };
        return vec![format!(
            "The policy {:?} accepts the pod {how}, and {by} may use it.",
            chosen.name
        )];
    }
    if step.refused.is_none() {
        return Vec::new();
    }
    if policies.tried.is_empty() {
        return vec![
            "There is no PodSecurityPolicy: while the plugin is on, no pod is admitted.".to_owned(),
        ];
    }
    let mut sentences = Vec::new();
    let usable = names(&|p| p.usable_by.is_some());
    if usable.is_empty() {
        sentences.push(format!(
            "The message lists only errors of policies that may be used here, and there are none: \
             {who} use any. That is why the list is empty."
        ));
    } else {
        sentences.push(format!(
            "The message lists the errors of the policies that may be used here: {}.",
            usable.join(", ")
        ));
    }
    let out_of_reach = names(&|p| p.accepts && p.usable_by.is_none());
    if !out_of_reach.is_empty() {
        sentences.push(format!(
            "{} would accept the pod, but {who} use it.",
            out_of_reach.join(", ")
        ));
    }
    sentences
}
