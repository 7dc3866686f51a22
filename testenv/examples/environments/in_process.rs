//! Environments of this process.

use std::process::ExitCode;
use std::time::Instant;

use futures_util::future::join_all;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, PostParams};
use portcullis_testenv::TestEnv;

use crate::figures::{Durations, resident};
use crate::left::{Left, is_closed};

/// How many are measured one after another, and how many are held for their memory.
const ONE_BY_ONE: usize = 40;
const HELD: usize = 40;

pub(crate) fn measure(count: usize) -> ExitCode {
    // as a test has it
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    runtime.block_on(async {
        let begun = Instant::now();
        created(&TestEnv::start().await.unwrap()).await;
        println!(
            "{:44} {:12.1} ms",
            "the first",
            begun.elapsed().as_secs_f64() * 1e3
        );
        let before = Left::now();
        one_by_one().await;
        memory().await;
        at_once(count).await;
        before.compare()
    })
}

/// Creates an object, as the first thing that a test does.
async fn created(env: &TestEnv) {
    let maps: Api<ConfigMap> = Api::default_namespaced(env.client().await.unwrap());
    let mut map = ConfigMap::default();
    map.metadata.name = Some("first".to_owned());
    maps.create(&PostParams::default(), &map).await.unwrap();
}

async fn one_by_one() {
    let [mut started, mut answered, mut stopped, mut all] = <[Durations; 4]>::default();
    for _ in 0..ONE_BY_ONE {
        let begun = Instant::now();
        let env = TestEnv::start().await.unwrap();
        let ready = Instant::now();
        created(&env).await;
        let first = Instant::now();
        env.stop().await;
        started.add(ready - begun);
        answered.add(first - ready);
        stopped.add(first.elapsed());
        all.add(begun.elapsed());
    }
    started.print("start");
    answered.print("client and first object");
    stopped.print("stop");
    all.print("start, first object, stop");
}

async fn memory() {
    let before = resident();
    let mut envs = Vec::new();
    for _ in 0..HELD {
        let env = TestEnv::start().await.unwrap();
        created(&env).await;
        envs.push(env);
    }
    let each = (resident() - before) / 1024.0 / HELD as f64;
    println!("{:44} {each:12.2} MiB", "memory of each");
}

async fn at_once(count: usize) {
    let begun = Instant::now();
    let envs = join_all((0..count).map(async |_| {
        let env = TestEnv::start().await.unwrap();
        created(&env).await;
        env
    }));
    let envs = envs.await;
    let running = begun.elapsed().as_secs_f64() * 1e3;
    let ports: Vec<_> = envs.iter().map(|env| env.address().port()).collect();
    join_all(envs.into_iter().map(TestEnv::stop)).await;
    let all = begun.elapsed().as_secs_f64() * 1e3;
    let each = all / count.max(1) as f64;
    println!(
        "{count} at once: all there after {running:.0} ms, gone after {all:.0} ms, {each:.1} ms each"
    );
    assert!(ports.into_iter().all(is_closed), "a port is left");
}
