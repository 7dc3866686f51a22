//! Validates the CEL expressions of a schema and their costs
//! (`k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation`, `cel_validation.go`).

mod cost;

use portcullis_api::field_error::{BadValue, go_quote};
use portcullis_api::{ErrorList, FieldError, Path};
use portcullis_cel::Program;

use self::cost::{Cardinality, RULE_COST, TotalCost, over_budget};
use crate::arena::{Flags, NodeRef, Rule, Schema};
use crate::program::{CompiledRule, Condition, NodeRules, TypedRules};

/// How expressions are validated.
pub(super) struct Expressions<'a> {
    pub(super) schema: &'a Schema,
    /// Whether the schema is that of the old definition, whose rules may exceed the cost limits.
    pub(super) unchanged: bool,
    /// The errors of keywords. Expressions of a schema with such an error, there or below, are not
    /// validated.
    pub(super) earlier: &'a [FieldError],
}

impl Expressions<'_> {
    /// Validates all expressions of the schema at a path.
    pub(super) fn validate(&self, path: &Path, errors: &mut ErrorList) {
        if !self.schema.has_rules() {
            return;
        }
        let mut walk = Walk {
            expressions: self,
            total: TotalCost::default(),
            errors,
        };
        walk.node(&Spot {
            node: self.schema.root(),
            path,
            cardinality: Cardinality::ONE,
            uncorrelated: None,
        });
        let Walk { total, errors, .. } = walk;
        total.validate(path, errors);
    }
}

/// A node at one of its paths.
#[derive(Clone, Copy)]
struct Spot<'a> {
    node: NodeRef<'a>,
    path: &'a Path,
    cardinality: Cardinality,
    /// The path of the outermost list around it whose old and new items cannot be correlated.
    uncorrelated: Option<&'a Path>,
}

struct Walk<'w> {
    expressions: &'w Expressions<'w>,
    total: TotalCost,
    errors: &'w mut ErrorList,
}

impl Walk<'_> {
    fn node(&mut self, at: &Spot<'_>) {
        if !at.node.has(Flags::RULES) {
            return;
        }
        let cardinality = at.cardinality.below(at.node);
        let mut below = |node, path: &Path, uncorrelated| {
            self.node(&Spot {
                node,
                path,
                cardinality,
                uncorrelated,
            });
        };
        if let Some(values) = at.node.values() {
            below(
                values,
                &at.path.child("additionalProperties"),
                at.uncorrelated,
            );
        }
        for (name, property) in at.node.properties() {
            let path = at.path.child("properties").key(name);
            below(property, &path, at.uncorrelated);
        }
        if let Some(items) = at.node.items() {
            let here = (!at.node.has(Flags::LIST_MAP)).then_some(at.path);
            below(items, &at.path.child("items"), at.uncorrelated.or(here));
        }
        let mut earlier = self.expressions.earlier.iter();
        if !earlier.any(|error| error.field.starts_with(at.path.as_str())) {
            self.rules(at);
        }
    }

    fn rules(&mut self, at: &Spot<'_>) {
        let path = at.path.child("x-kubernetes-validations");
        let programs = self.expressions.schema.programs();
        let typed = match programs.of(at.node.number()) {
            None => return,
            Some(NodeRules::Typed(typed)) => typed,
            Some(NodeRules::Untyped) => {
                let detail = "internal error: failed to construct type information for x-kubernetes-validations \
                              rules: unable to convert structural schema to CEL declarations";
                return self.errors.push(FieldError::internal(&path, detail));
            }
        };
        for (i, (rule, compiled)) in at.node.rules().iter().zip(&typed.rules).enumerate() {
            let path = path.index(i);
            let condition = match compiled {
                CompiledRule::Valid(condition) => Some(&**condition),
                CompiledRule::Empty => None,
                CompiledRule::Invalid(why) => {
                    let path = path.child("rule");
                    let error = FieldError::invalid(&path, go_rule(rule), &**why);
                    self.errors.push(error);
                    None
                }
            };
            if let Some(condition) = condition {
                self.costs(at, typed, rule, condition, &path);
            }
            self.old_self(at, rule, condition, &path);
        }
    }

    fn costs(
        &mut self,
        at: &Spot<'_>,
        typed: &TypedRules,
        rule: &Rule,
        condition: &Condition,
        path: &Path,
    ) {
        let most = |program: &Program| program.estimate_cost().max;
        let cost = at.cardinality.times(most(&condition.program), typed);
        self.cost(cost, "estimated rule cost", path.child("rule"));
        let path = path.child("messageExpression");
        match &condition.message {
            None => {}
            Some(Ok(message)) => self.cost(most(message), "estimated messageExpression cost", path),
            Some(Err(why)) => {
                let error = FieldError::invalid(&path, go_rule(rule), &**why);
                self.errors.push(error);
            }
        }
    }

    fn cost(&mut self, cost: u64, name: &str, path: Path) {
        if cost > RULE_COST && !self.expressions.unchanged {
            let detail = over_budget(name, cost, RULE_COST);
            self.errors.push(FieldError::forbidden(&path, detail));
        }
        self.total.add(path, cost);
    }

    fn old_self(&mut self, at: &Spot<'_>, rule: &Rule, condition: Option<&Condition>, path: &Path) {
        if condition.is_some_and(|condition| condition.uses_old) {
            if let Some(within) = at.uncorrelated {
                let detail = format!(
                    "oldSelf cannot be used on the uncorrelatable portion of the schema within {within}"
                );
                let error = FieldError::invalid(&path.child("rule"), &*rule.rule, detail);
                self.errors.push(error);
            }
        } else if let Some(value) = rule.optional_old_self {
            let detail = "may not be set if oldSelf is not used in rule";
            let error = FieldError::invalid(&path.child("optionalOldSelf"), value, detail);
            self.errors.push(error);
        }
    }
}

/// A rule in Go's syntax. Go prints addresses of pointers; their values say more.
fn go_rule(rule: &Rule) -> BadValue {
    let reason = match &*rule.reason {
        "" => "nil".to_owned(),
        reason => go_quote(reason),
    };
    let optional = rule
        .optional_old_self
        .map_or("nil".to_owned(), |optional| optional.to_string());
    BadValue::go(format!(
        "apiextensions.ValidationRule{{Rule:{}, Message:{}, MessageExpression:{}, \
         Reason:(*apiextensions.FieldValueErrorReason)({reason}), FieldPath:{}, OptionalOldSelf:(*bool)({optional})}}",
        go_quote(&rule.rule),
        go_quote(&rule.message),
        go_quote(&rule.message_expression),
        go_quote(&rule.field_path),
    ))
}
