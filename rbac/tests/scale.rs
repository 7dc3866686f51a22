//! A decision costs what the user's own rules cost, however many bindings a cluster has.

#[path = "scale/big.rs"]
mod big;

use std::sync::Arc;
use std::time::{Duration, Instant};

use big::{Cluster, ask, user};
use portcullis_rbac::RbacAuthorizer;

#[test]
fn a_big_cluster_decides_fast() {
    let authorizer = {
        let cluster = Cluster::new();
        let start = Instant::now();
        let index = cluster.index();
        println!("loaded in {:?}", start.elapsed());
        // Unoptimised, on whatever machine tests run; the goal is 200 ms (see benches/decisions.rs).
        assert!(start.elapsed() < Duration::from_secs(5));
        RbacAuthorizer::new(Arc::new(index))
    };
    let user = user();
    let ask = |resource| ask(&authorizer, &user, resource).is_allowed();
    assert!(ask("things77"));
    assert!(ask("things3"));
    let start = Instant::now();
    for _ in 0..1000 {
        assert!(!ask("things4"));
    }
    let each = start.elapsed() / 1000;
    println!("a refusal, which looks at all of the user's rules, took {each:?}");
    // Unoptimised, on whatever machine tests run; looking at all bindings would take longer.
    assert!(each < Duration::from_millis(2), "{each:?}");
}
