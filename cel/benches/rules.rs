//! Benchmarks of compiling and evaluating rules of custom resources.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use portcullis_cel::{Activation, DeclType, Environment, SchemaRoot, decl_type};
use serde_json::{Value as Json, json};

const RULE: &str = "self.replicas >= self.minReplicas && self.replicas <= self.maxReplicas";
const LISTS: &str =
    "self.ports.all(p, self.ports.exists_one(q, q.name == p.name && q.port == p.port))";

fn declared() -> DeclType {
    let schema = json!({"type": "object", "properties": {
        "replicas": {"type": "integer"}, "minReplicas": {"type": "integer"}, "maxReplicas": {"type": "integer"},
        "ports": {"type": "array", "maxItems": 20, "items": {"type": "object", "properties": {
            "name": {"type": "string", "maxLength": 63}, "port": {"type": "integer"}}}}}});
    decl_type(&schema, SchemaRoot::Part, "self").unwrap_or(DeclType::any())
}

fn object(padding: usize) -> Json {
    let ports: Vec<Json> = (0..10)
        .map(|n| json!({"name": format!("port-{n}"), "port": n}))
        .collect();
    json!({"replicas": 3, "minReplicas": 1, "maxReplicas": 5, "ports": ports, "padding": "x".repeat(padding)})
}

fn rules(c: &mut Criterion) {
    let environment = Environment::new(37).with_variable("self", declared());
    for (name, rule) in [("two comparisons", RULE), ("a list twice", LISTS)] {
        c.bench_function(&format!("compile {name}"), |b| {
            b.iter(|| environment.compile_condition(black_box(rule)));
        });
        let Ok(program) = environment.compile_condition(rule) else {
            continue;
        };
        c.bench_function(&format!("estimate {name}"), |b| {
            b.iter(|| program.estimate_cost())
        });
        for (size, data) in [("1 KiB", object(0)), ("1 MiB", object(1 << 20))] {
            c.bench_function(&format!("evaluate {name}, {size}"), |b| {
                b.iter(|| {
                    let activation = Activation::new().with("self", &data);
                    program.evaluate(black_box(&activation), 1_000_000).cost
                });
            });
        }
    }
}

criterion_group!(benches, rules);
criterion_main!(benches);
