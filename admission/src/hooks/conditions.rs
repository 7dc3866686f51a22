//! `matchConditions`: expressions that must all be true for a webhook to be called.
//!
//! Upstream: `k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions/matcher.go` and
//! `plugin/cel`.

use std::fmt;
use std::sync::LazyLock;

use k8s_openapi::api::admissionregistration::v1::MatchCondition;
use portcullis_api::{GroupResource, UserInfo};
use portcullis_cel::{
    Activation, Attributes, Authorizer, Decision, Environment, Program, WORK_PER_COST,
};
use serde_json::Value;

use crate::permissions::{Permission, Permissions};

/// Upstream: `RuntimeCELCostBudgetMatchConditions` and `PerCallLimit`.
const BUDGET: u64 = 2_500_000;
const BUDGET_OF_ONE: u64 = 1_000_000;

static ENVIRONMENT: LazyLock<Environment> = LazyLock::new(Environment::of_admission);

/// The conditions of a webhook.
pub(crate) struct Conditions(Vec<Condition>);

struct Condition {
    expression: String,
    /// One that does not compile fails whenever it is evaluated.
    program: Result<Program, String>,
}

/// What expressions are evaluated with.
pub(crate) struct Variables<'a> {
    pub(crate) object: Value,
    pub(crate) old_object: Value,
    /// The request of the review, without its objects.
    pub(crate) request: Value,
    pub(crate) permissions: &'a dyn Permissions,
    pub(crate) user: &'a UserInfo,
    /// The attributes of `authorizer.requestResource`.
    pub(crate) resource: Attributes,
}

impl Conditions {
    pub(crate) fn compile(conditions: &[MatchCondition]) -> Self {
        let compiled = conditions.iter().map(|condition| Condition {
            expression: condition.expression.clone(),
            program: ENVIRONMENT
                .compile_condition(&condition.expression)
                .map_err(|error| format!("compilation error: {error}")),
        });
        Self(compiled.collect())
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all conditions are true. If one is false, errors of others do not count.
    ///
    /// # Errors
    /// The errors of all conditions, as one text.
    pub(crate) fn hold(&self, variables: &Variables<'_>) -> Result<bool, String> {
        let authorizer = Allowed {
            permissions: variables.permissions,
            user: variables.user,
        };
        let activation = Activation::new()
            .with("object", &variables.object)
            .with("oldObject", &variables.old_object)
            .with("request", &variables.request)
            .with_authorizer(&authorizer, variables.resource.clone());
        let (mut errors, mut budget) = (Vec::new(), BUDGET);
        for condition in &self.0 {
            match condition.evaluate(&activation, &mut budget) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) => errors.push(error),
            }
        }
        match errors.as_slice() {
            [] => Ok(true),
            [error] => Err(error.clone()),
            errors => Err(format!("[{}]", errors.join(", "))),
        }
    }
}

impl Condition {
    fn evaluate(&self, activation: &Activation<'_>, budget: &mut u64) -> Result<bool, String> {
        let program = self.program.as_ref().map_err(Clone::clone)?;
        let outcome = program.evaluate(activation, BUDGET_OF_ONE.min(*budget));
        // some expressions cost little and do much
        let cost = outcome.cost.max(outcome.work / WORK_PER_COST);
        *budget = budget.saturating_sub(cost);
        let failed = |error: &dyn fmt::Display| {
            format!(
                "expression '{}' resulted in error: {error}",
                self.expression
            )
        };
        let value = outcome.result.map_err(|error| failed(&error))?;
        value.as_bool().ok_or_else(|| failed(&"no such overload"))
    }
}

/// Answers `authorizer` for the user of the request.
struct Allowed<'a> {
    permissions: &'a dyn Permissions,
    user: &'a UserInfo,
}

impl fmt::Debug for Allowed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Allowed").field(self.user).finish()
    }
}

impl Authorizer for Allowed<'_> {
    fn authorize(&self, attributes: &Attributes) -> Decision {
        let account = attributes.service_account.as_ref();
        let account = account.map(|(namespace, name)| UserInfo::service_account(namespace, name));
        let user = account.as_ref().unwrap_or(self.user);
        let reason = match &attributes.path {
            Some(path) => self.permissions.allow_path(user, &attributes.verb, path),
            None => {
                let permission = Permission {
                    verb: &attributes.verb,
                    resource: GroupResource {
                        group: &attributes.group,
                        resource: &attributes.resource,
                    },
                    subresource: &attributes.subresource,
                    namespace: &attributes.namespace,
                    name: &attributes.name,
                };
                self.permissions.allow(user, &permission)
            }
        };
        Decision {
            allowed: reason.is_some(),
            reason: reason.unwrap_or_default(),
            error: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::permissions::Names;

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
        Conditions::compile(&conditions).hold(&Variables {
            object: json!({"metadata": {"name": "a"}, "data": {"k": "v"}}),
            old_object: Value::Null,
            request: json!({"operation": "CREATE", "userInfo": {"username": "alice"}}),
            permissions: &MayGet,
            user: &user,
            resource: Attributes {
                resource: "pods".to_owned(),
                ..Attributes::default()
            },
        })
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
