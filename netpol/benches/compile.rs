//! The cost of compiling the table of a node: as a whole, and after a change of pods that it does not affect.

#![allow(missing_docs, reason = "a benchmark")]
#![allow(
    clippy::unwrap_used,
    reason = "a benchmark ends at the first surprise, with its place"
)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use portcullis_netpol::nft::Compiler;
use portcullis_netpol::{Pod, Policy};
use serde_json::{Value, json};

fn pod(at: usize, app: &str) -> Pod {
    let pod = json!({
        "metadata": {"namespace": "n", "name": format!("pod-{at}"), "labels": {"app": app}},
        "spec": {"nodeName": "node", "containers": []},
        "status": {"podIPs": [{"ip": format!("10.{}.{}.{}", at >> 16, at >> 8 & 255, at & 255)}]},
    });
    Pod::of(&serde_json::from_value(pod).unwrap())
}

fn policy(at: usize, port: u16) -> Policy {
    let peer =
        |app: usize| -> Value { json!({"podSelector": {"matchLabels": {"app": app.to_string()}}}) };
    let policy = json!({
        "metadata": {"namespace": "n", "name": format!("policy-{at}")},
        "spec": {
            "podSelector": {"matchLabels": {"app": at.to_string()}},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [peer(at + 1), peer(at + 2)], "ports": [{"port": port}]}],
            "egress": [{"to": [peer(at + 3)]}],
        },
    });
    Policy::of(&serde_json::from_value(policy).unwrap())
}

/// A node with pods of as many apps as there are policies, one for each app.
fn node(pods: usize, policies: usize) -> Compiler {
    let mut compiler = Compiler::new("node", &[]);
    compiler.put_namespace("n", [].into());
    for at in 0..pods {
        compiler.put_pod(pod(at, &(at % policies).to_string()));
    }
    for at in 0..policies {
        compiler.put_policy(policy(at, 80));
    }
    compiler
}

fn compile(criterion: &mut Criterion) {
    criterion.bench_function("all of 1,000 pods and 200 policies", |bench| {
        bench.iter_with_setup(
            || node(1000, 200),
            |mut compiler| black_box(compiler.changes()),
        );
    });
    for pods in [1000, 10_000, 100_000] {
        let mut compiler = node(100, 50);
        for other in 100..pods {
            compiler.put_pod(pod(other, "other"));
        }
        compiler.changes();
        let mut apps = ["1", "2"].iter().cycle();
        criterion.bench_function(&format!("a label of one of {pods} pods"), |bench| {
            bench.iter(|| {
                compiler.put_pod(pod(0, apps.next().unwrap()));
                black_box(compiler.changes())
            });
        });
        let mut ports = [80, 81].iter().cycle();
        criterion.bench_function(&format!("one of 50 policies among {pods} pods"), |bench| {
            bench.iter(|| {
                compiler.put_policy(policy(0, *ports.next().unwrap()));
                black_box(compiler.changes())
            });
        });
    }
}

criterion_group!(benches, compile);
criterion_main!(benches);
