//! The evaluation of a policy that changes objects, for one request and one parameter object.
//!
//! Upstream: `policy/mutating/patch`.

use std::sync::Arc;

use portcullis_api::patch::{Patch, PatchError, PatchType};
use portcullis_api::{Object, Status};
use portcullis_cel::to_patch;
use serde_json::Value;

use super::effort::{Unfinished, finish};
use super::evaluate::{COST, unmet_condition};
use crate::expressions::budget::{Budget, COST_OF_ONE, Failure};
use crate::expressions::conditions::{self, False, Tally};
use crate::expressions::input::Input;
use crate::policies::mutating::{Change, MutatingPolicy};
use crate::versions::{Served, Versions};

/// The first condition of a policy that is false; `None` if all hold.
///
/// # Errors
/// A sentence, if that cannot be said.
pub(crate) async fn unmet(
    policy: &Arc<MutatingPolicy>,
    input: &Input,
) -> (Result<Option<False>, String>, Tally) {
    if policy.base.conditions.is_empty() {
        return (Ok(None), Tally::default());
    }
    let held = finish(policy, input, |policy, input, work| {
        let mut budget = Budget::new(conditions::COST, work);
        let mut tally = Tally::default();
        let held = unmet_condition(&policy.base, input, &mut budget, &mut tally);
        settled(held).map(|held| (held, tally))
    });
    let too_long = || Err(Failure::TooLong.into_message());
    held.await.unwrap_or_else(|| (too_long(), Tally::default()))
}

/// The patch that a mutation describes.
///
/// # Errors
/// A sentence, if its expression has no value.
pub(crate) async fn describe(
    policy: &Arc<MutatingPolicy>,
    position: usize,
    input: &Input,
) -> Result<Value, String> {
    let described = finish(policy, input, move |policy, input, work| {
        settled(evaluate(policy, position, input, work))
    });
    described
        .await
        .unwrap_or_else(|| Err(Failure::TooLong.into_message()))
}

fn evaluate(
    policy: &MutatingPolicy,
    position: usize,
    input: &Input,
    work: u64,
) -> Result<Value, Failure> {
    let Some(change) = policy.changes.get(position) else {
        return Err(Failure::Failed("policy evaluator is nil".to_owned()));
    };
    let mut budget = Budget::new(COST, work);
    let variables = policy
        .base
        .composition
        .variables(budget.limits(), COST_OF_ONE);
    let activation = input.with_authorizer().with_variables(&variables);
    let value = budget.evaluate(&change.expression, &activation, Some(&variables))?;
    to_patch(&value).map_err(|error| Failure::Failed(error.to_string()))
}

/// The result of an evaluation; an error if it needs more work than the limit.
fn settled<T>(outcome: Result<T, Failure>) -> Result<Result<T, String>, Unfinished> {
    match outcome {
        Ok(value) => Ok(Ok(value)),
        Err(Failure::TooLong) => Err(Unfinished),
        Err(failure) => Ok(Err(failure.into_message())),
    }
}

/// Applies a patch to an object, whose JSON is `document`; `None` if a test of the patch fails, so that
/// nothing is changed. The outer error is one of the server.
///
/// # Errors
/// A sentence, if the patch cannot be applied.
pub(crate) async fn apply(
    change: &Change,
    patch: Value,
    document: &Value,
    base: &dyn Object,
    versions: &dyn Versions,
    served: &Served<'_>,
) -> Result<Result<Option<Box<dyn Object>>, String>, Status> {
    let patched = match change.lists_operations {
        true => operate(patch, document),
        false => {
            let merged = versions.overlay(document, patch, served).map(Some);
            merged.map_err(|error| format!("error applying patch: {error}"))
        }
    };
    let patched = match patched {
        Ok(Some(patched)) => patched,
        Ok(None) => return Ok(Ok(None)),
        Err(why) => return Ok(Err(why)),
    };
    let decoded = versions.decode(&patched, served, base).await;
    decoded
        .map(|object| Ok(Some(object)))
        .map_err(Status::internal)
}

fn operate(operations: Value, document: &Value) -> Result<Option<Value>, String> {
    let failed = |error: PatchError| format!("JSON Patch: {error}");
    let patch = Patch::new(PatchType::Json, operations).map_err(failed)?;
    match patch.apply(document, "") {
        Ok(patched) => Ok(Some(patched)),
        Err(PatchError::FailedTest(_)) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}
