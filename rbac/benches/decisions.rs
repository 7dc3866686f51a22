//! Benchmarks of decisions and of loading the index in a large cluster: 2,000 roles and 10,000
//! bindings besides the default ones. The goals are 20 µs and 200 ms.
#![allow(missing_docs, reason = "criterion's macro makes a function without")]

#[path = "../tests/scale/large.rs"]
mod large;

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use large::{Cluster, decide, user};
use portcullis_rbac::{Index, RbacAuthorizer};

fn decisions(criterion: &mut Criterion) {
    let authorizer = RbacAuthorizer::new(Arc::new(Cluster::new().index()));
    let user = user();
    let decide = |resource| decide(&authorizer, black_box(&user), resource);
    assert!(decide("things77").is_allowed() && !decide("things4").is_allowed());
    criterion.bench_function("allow", |b| b.iter(|| decide("things77")));
    criterion.bench_function("deny", |b| b.iter(|| decide("things4")));
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
