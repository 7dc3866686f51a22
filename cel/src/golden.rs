//! Tests of the values and costs in upstream's tables.

use serde_json::Value as Json;

use crate::value::{Key, Value};
use crate::{Activation, Attributes, Authorizer, Decision, Environment, Program};

const BUDGET: u64 = 10_000_000;

#[derive(Debug)]
struct AllowAll;

impl Authorizer for AllowAll {
    fn authorize(&self, _: &Attributes) -> Decision {
        Decision {
            allowed: true,
            ..Decision::default()
        }
    }
}

fn cases(text: &str) -> Vec<Json> {
    serde_json::from_str(text).unwrap()
}

fn text<'j>(case: &'j Json, key: &str) -> &'j str {
    case[key].as_str().unwrap_or_default()
}

/// Whether a value is the expected one.
fn matches(value: &Value<'_>, expected: &Json) -> bool {
    let (kind, expected) = expected.as_object().unwrap().iter().next().unwrap();
    match (kind.as_str(), value) {
        ("null", Value::Null) => true,
        ("bool", Value::Bool(v)) => *v == expected.as_bool().unwrap(),
        ("int", Value::Int(v)) => v.to_string() == expected.as_str().unwrap(),
        ("uint", Value::Uint(v)) => v.to_string() == expected.as_str().unwrap(),
        ("double", Value::Double(v)) => {
            let expected: f64 = expected.as_str().unwrap().parse().unwrap();
            v.is_nan() && expected.is_nan() || *v == expected
        }
        ("string", Value::String(v)) => v.as_str() == expected.as_str().unwrap(),
        ("bytes", Value::Bytes(v)) => {
            let expected: Vec<u8> = serde_json::from_value(expected.clone()).unwrap();
            **v == *expected
        }
        ("type", Value::Type(v)) => v.value_name() == expected.as_str().unwrap(),
        ("list", Value::List(v)) => {
            let expected = expected.as_array().unwrap();
            v.len() == expected.len()
                && v.iter()
                    .zip(expected)
                    .all(|(v, expected)| matches(&v.unwrap(), expected))
        }
        ("map", Value::Map(v)) => {
            let entries: Vec<_> = v.iter().collect();
            let has = |pair: &Json| {
                let found = entries
                    .iter()
                    .find(|(key, _): &&(Key<'_>, _)| matches(&key.to_value(), &pair[0]));
                found.is_some_and(|(_, value)| matches(value.as_ref().unwrap(), &pair[1]))
            };
            entries.len() == expected.as_array().unwrap().len()
                && expected.as_array().unwrap().iter().all(has)
        }
        _ => false,
    }
}

#[test]
fn expressions_have_the_values_of_the_conformance_tests() {
    let environment = Environment::new(37);
    let mut wrong = Vec::new();
    for case in cases(include_str!("../testdata/conformance.json")) {
        let name = text(&case, "name");
        let compiled = environment.compile(text(&case, "expr"));
        let found = match &compiled {
            Err(error) => Err(format!("does not compile: {error}")),
            Ok(program) => {
                let activation = Activation::new();
                let result = program.evaluate(&activation, BUDGET).result;
                let correct = match &result {
                    Ok(value) => case
                        .get("value")
                        .is_some_and(|expected| matches(value, expected)),
                    Err(_) => case.get("error").is_some(),
                };
                if correct {
                    Ok(())
                } else {
                    Err(format!("{result:?}"))
                }
            }
        };
        match (found, case.get("error")) {
            (Ok(()), _) => {}
            // the checker may detect errors that do not depend on data
            (Err(found), Some(_)) if found.starts_with("does not compile") => {}
            (Err(found), _) => wrong.push(format!("{name}: {}\n    {found}", text(&case, "expr"))),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} cases failed:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn evaluated_cost(program: &Program) -> Result<u64, String> {
    let request = Attributes::default();
    let activation = Activation::new().with_authorizer(&AllowAll, &request);
    let outcome = program.evaluate(&activation, BUDGET);
    outcome
        .result
        .map(|_| outcome.cost)
        .map_err(|error| error.to_string())
}

#[test]
fn expressions_have_the_costs_of_upstreams_tests() {
    let environment = Environment::new(37).with_authorizer().without_folding();
    let mut wrong = Vec::new();
    for case in cases(include_str!("../testdata/costs.json")) {
        let expr = text(&case, "expr");
        let program = match environment.compile(expr) {
            Ok(program) => program,
            Err(error) => {
                wrong.push(error.to_string());
                continue;
            }
        };
        let estimate = program.estimate_cost();
        let found = (estimate.min, estimate.max, evaluated_cost(&program));
        let expected = (
            case["min"].as_u64().unwrap(),
            // the table has no maximum where upstream's test has its own estimator
            case["max"].as_u64().unwrap_or(estimate.max),
            Ok(case["cost"].as_u64().unwrap()),
        );
        if found != expected {
            wrong.push(format!("{expr}: {found:?}, not {expected:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} cases failed:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
