//! `matchConditions`: expressions that must all be true for a webhook to be called, or a policy to be
//! evaluated.
//!
//! Upstream: `k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions/matcher.go`.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use k8s_openapi::api::admissionregistration::v1::MatchCondition;
use portcullis_cel::{Activation, Environment, Type};

use super::budget::{Budget, Expression, Failure};
use super::input::Input;

/// Upstream: `RuntimeCELCostBudgetMatchConditions`.
pub(crate) const COST: u64 = 2_500_000;

static ENVIRONMENT: LazyLock<Environment> = LazyLock::new(Environment::of_admission);

/// The conditions of a webhook or a policy.
#[derive(Debug)]
pub(crate) struct Conditions(Vec<Condition>);

#[derive(Debug)]
struct Condition {
    name: String,
    expression: Expression,
}

/// What an evaluation of conditions is counted as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// How many conditions could not be evaluated.
    pub(crate) errors: u64,
    /// How long it took; `None` if there are no conditions.
    pub(crate) took: Option<Duration>,
}

/// The position of a condition that is false.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct False(usize);

impl Conditions {
    /// The conditions of a webhook.
    pub(crate) fn of_webhook(conditions: &[MatchCondition]) -> Self {
        Self::compile(&ENVIRONMENT, conditions)
    }

    pub(crate) fn compile(environment: &Environment, conditions: &[MatchCondition]) -> Self {
        let compiled = conditions.iter().map(|condition| Condition {
            name: condition.name.clone(),
            expression: Expression::compile(environment, &condition.expression, &[Type::Bool]),
        });
        Self(compiled.collect())
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first condition that is false of a request; `None` if all are true. If one is false, errors of
    /// others do not count.
    ///
    /// # Errors
    /// The errors of all conditions, as one text.
    pub(crate) fn first_false_for(
        &self,
        input: &Input,
        tally: &mut Tally,
    ) -> Result<Option<False>, String> {
        let mut budget = Budget::new(COST, u64::MAX);
        let found = self.first_false(&input.with_authorizer(), &mut budget, tally);
        found.map_err(Failure::into_message)
    }

    /// As [`first_false_for`](Self::first_false_for), within a budget.
    ///
    /// # Errors
    /// [`Failure`].
    pub(crate) fn first_false<'a>(
        &'a self,
        activation: &'a Activation<'a>,
        budget: &mut Budget,
        tally: &mut Tally,
    ) -> Result<Option<False>, Failure> {
        let (begun, mut errors) = (Instant::now(), Vec::new());
        let mut found = Ok(None);
        for (at, condition) in self.0.iter().enumerate() {
            match budget.evaluate(&condition.expression, activation, None) {
                Ok(value) if value.as_bool() == Some(false) => found = Ok(Some(False(at))),
                Ok(_) => continue,
                Err(Failure::Failed(error)) => {
                    errors.push(error);
                    continue;
                }
                Err(stopped) => found = Err(stopped),
            }
            break;
        }
        *tally = Tally {
            errors: errors.len() as u64,
            took: Some(begun.elapsed()),
        };
        if !matches!(found, Ok(None)) {
            return found;
        }
        match errors.as_slice() {
            [] => Ok(None),
            [error] => Err(Failure::Failed(error.clone())),
            errors => Err(Failure::Failed(format!("[{}]", errors.join(", ")))),
        }
    }

    /// What of a request is not as a condition wants it, in words.
    pub(crate) fn words(&self, False(at): False) -> String {
        let condition = self.0.get(at);
        condition.map_or_else(String::new, |condition| {
            let Condition { name, expression } = condition;
            format!("its match condition {name:?} is false: {}", expression.text)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use portcullis_api::UserInfo;
    use portcullis_cel::Attributes;
    use serde_json::{Value, json};

    use super::*;
    use crate::expressions::input::{Caller, Constant};
    use crate::permissions::{Names, Permission, Permissions};

    struct MayGet;

    impl Permissions for MayGet {
        fn allow(&self, user: &UserInfo, permission: &Permission<'_>) -> Option<String> {
            let may = permission.verb == "get" && user.name == "alice";
            may.then(String::new)
        }

        fn allow_path(&self, _: &UserInfo, _: &str, path: &str) -> Option<String> {
            (path == "/healthz").then(String::new)
        }

        fn names(&self, _: &UserInfo, _: &Permission<'_>) -> Names {
            Box::new(|_| false)
        }
    }

    fn hold(expressions: &[&str]) -> Result<bool, String> {
        let conditions: Vec<_> = expressions
            .iter()
            .map(|expression| MatchCondition {
                name: "c".to_owned(),
                expression: (*expression).to_owned(),
            })
            .collect();
        let user = UserInfo {
            name: "alice".to_owned(),
            ..UserInfo::default()
        };
        let conditions = Conditions::of_webhook(&conditions);
        let input = Input {
            object: json!({"metadata": {"name": "a"}, "data": {"k": "v"}}).into(),
            constant: Arc::new(Constant {
                old_object: Value::Null,
                request: json!({"operation": "CREATE", "userInfo": {"username": "alice"}}),
                caller: Arc::new(Caller {
                    permissions: Arc::new(MayGet),
                    user,
                    resource: Attributes {
                        resource: "pods".to_owned(),
                        ..Attributes::default()
                    },
                }),
            }),
            namespace: None,
            params: None,
        };
        let mut tally = Tally::default();
        let found = conditions.first_false_for(&input, &mut tally);
        assert!(tally.took.is_some() && (tally.errors > 0 || found.is_ok()));
        found.map(|condition| condition.is_none())
    }

    #[test]
    fn all_conditions_must_be_true() {
        for (expressions, expected) in [
            (&["object.data.k == 'v'", "oldObject == null"][..], true),
            (&["request.operation == 'CREATE'"], true),
            (&["request.userInfo.username == 'bob'"], false),
            (
                &["authorizer.group('').resource('pods').check('get').allowed()"],
                true,
            ),
            (
                &["authorizer.requestResource.check('list').allowed()"],
                false,
            ),
            (
                &["authorizer.path('/healthz').check('get').allowed()"],
                true,
            ),
            (
                &[
                    "authorizer.serviceAccount('n', 's').group('').resource('pods').check('get').allowed()",
                ],
                false,
            ),
            (&["object.missing == 1", "false"], false),
        ] {
            assert_eq!(hold(expressions), Ok(expected), "{expressions:?}");
        }
    }

    #[test]
    fn errors_count_unless_a_condition_is_false() {
        assert_eq!(
            hold(&["object.missing == 1", "true"]).unwrap_err(),
            "expression 'object.missing == 1' resulted in error: no such key: missing"
        );
        let both = hold(&["object.x == 1", "object.y == 1"]).unwrap_err();
        assert!(both.starts_with("[expression 'object.x"), "{both}");
        let error = hold(&["request.nothing"]).unwrap_err();
        assert!(error.starts_with("compilation error: "), "{error}");
    }
}
