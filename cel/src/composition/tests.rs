use serde_json::json;

use super::*;

const ALL_LIMITS: Limits = Limits::of_cost(10_000_000);

fn compose(variables: &[(&str, &str)]) -> Composition {
    let mut composition = Composition::default();
    for (name, expression) in variables {
        composition
            .define(&Environment::of_admission(), name, expression)
            .unwrap();
    }
    composition
}

/// The result of an expression about an object, and what was spent on variables.
fn evaluate(variables: &[(&str, &str)], expression: &str) -> (Result<String, String>, Spent) {
    let composition = compose(variables);
    let environment = composition.declared_in(&Environment::of_admission());
    let program = environment.compile(expression).unwrap();
    let object = json!({"spec": {"replicas": 3, "names": ["a", "b"]}});
    let variables = composition.variables(ALL_LIMITS, 1_000_000);
    let activation = Activation::new()
        .with("object", &object)
        .with_variables(&variables);
    let outcome = program.evaluate(&activation, 1_000_000);
    let result = outcome.result.map(|value| value.to_string());
    (result.map_err(|e| e.to_string()), variables.take_spent())
}

#[test]
fn variables_use_those_before_them() {
    let variables = [
        ("replicas", "object.spec.replicas"),
        ("double", "variables.replicas * 2"),
        (
            "names",
            "object.spec.names.map(n, n + string(variables.double))",
        ),
    ];
    let value = |expression| evaluate(&variables, expression).0.unwrap();
    assert_eq!(value("variables.double == 6"), "true");
    assert_eq!(value("variables.names[1]"), "b6");
    assert_eq!(
        value("has(variables.double) && dyn(variables)['double'] == 6"),
        "true"
    );
}

#[test]
fn a_variable_is_evaluated_once_and_only_if_it_is_used() {
    let variables = [("sum", "[1, 2, 3].map(n, n + object.spec.replicas)[0]")];
    let once = evaluate(&variables, "variables.sum == 4").1;
    assert!(once.cost > 0);
    let twice = evaluate(&variables, "variables.sum + variables.sum == 8").1;
    assert_eq!(once, twice);
    let never = evaluate(&variables, "false && variables.sum == 4");
    assert_eq!(never, (Ok("false".to_owned()), Spent::default()));
}

#[test]
fn a_failure_names_its_variable() {
    let variables = [
        ("missing", "object.spec.missing"),
        ("outer", "variables.missing + 1"),
    ];
    let failed = evaluate(&variables, "variables.outer > 1").0;
    assert_eq!(
        failed.unwrap_err(),
        "composited variable \"outer\" fails to evaluate: composited variable \"missing\" fails to evaluate: no such key: missing"
    );
}

#[test]
fn types_of_variables_are_checked() {
    let composition = compose(&[("n", "1u"), ("t", "timestamp('2020-01-01T00:00:00Z')")]);
    let environment = composition.declared_in(&Environment::of_admission());
    let error = |expression| environment.compile(expression).unwrap_err().to_string();
    assert!(
        error("variables.n + 1 > 1u")
            .contains("no matching overload for '_+_' applied to '(uint, int)'")
    );
    assert!(error("variables.unknown == 1").contains("undefined field 'unknown'"));
    assert!(
        environment
            .compile("variables.t.getFullYear() == 2020")
            .is_ok()
    );
    let mut later = composition;
    let wrong = later.define(&Environment::of_admission(), "w", "variables.x");
    assert!(
        wrong
            .unwrap_err()
            .to_string()
            .contains("undefined field 'x'")
    );
}

#[test]
fn long_chains_do_not_need_a_deep_stack() {
    let names: Vec<_> = (0..300).map(|n| format!("v{n}")).collect();
    let mut variables = vec![("v0", "object.spec.replicas".to_owned())];
    for pair in names.windows(2) {
        variables.push((&pair[1], format!("variables.{} + 1", pair[0])));
    }
    let variables: Vec<_> = variables.iter().map(|(n, e)| (*n, e.as_str())).collect();
    let last = evaluate(&variables, "variables.v299").0;
    assert_eq!(last.unwrap(), "302");
}

#[test]
fn all_variables_share_their_limits() {
    let composition = compose(&[("a", "[1, 2, 3].map(n, n)"), ("b", "[1, 2, 3].map(n, n)")]);
    let environment = composition.declared_in(&Environment::of_admission());
    let program = environment.compile("variables.a == variables.b").unwrap();
    let limits = |work| Limits { cost: 1_000, work };
    for (work, fails) in [(1_000, false), (3, true)] {
        let variables = composition.variables(limits(work), 1_000_000);
        let activation = Activation::new().with_variables(&variables);
        let outcome = program.evaluate(&activation, 1_000_000);
        assert_eq!(outcome.result.is_err(), fails);
        assert_eq!(variables.ran_out_of_work(), fails);
    }
}
