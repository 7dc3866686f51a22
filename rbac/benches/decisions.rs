//! What a decision costs, and loading the roles and bindings it is made from, in a big cluster:
//! 2,000 roles and 10,000 bindings besides the default ones. The goals are 20 µs and 200 ms.
#![allow(missing_docs, reason = "criterion's macro makes a function without")]

#[path = "../tests/scale/big.rs"]
mod big;

use std::hint::black_box;
use std::sync::Arc;

use big::{Cluster, ask, user};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use portcullis_rbac::{Index, RbacAuthorizer};

fn decisions(criterion: &mut Criterion) {
    let authorizer = RbacAuthorizer::new(Arc::new(Cluster::new().index()));
    let user = user();
    let ask = |resource| ask(&authorizer, black_box(&user), resource);
    assert!(ask("things77").is_allowed() && !ask("things4").is_allowed());
    criterion.bench_function("allow", |b| b.iter(|| ask("things77")));
    criterion.bench_function("refuse", |b| b.iter(|| ask("things4")));
}

fn load(criterion: &mut Criterion) {
    let cluster = Cluster::new();
    let mut group = criterion.benchmark_group("load");
    group.sample_size(20);
    group.bench_function("all", |b| {
        b.iter_batched(
            Index::new,
            |index| cluster.load(&index),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, decisions, load);
criterion_main!(benches);
