//! How environments begin, how they end, and what is left then.

use std::net::TcpStream;
use std::time::Duration;

use futures_util::future::join_all;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ListParams, ObjectMeta, PostParams, WatchParams};
use portcullis_testenv::TestEnv;

fn config_map(name: &str) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        ..ConfigMap::default()
    }
}

/// Asserts that nothing of an environment is left.
fn is_gone(port: u16, directory: &std::path::Path) {
    TcpStream::connect(("127.0.0.1", port)).unwrap_err();
    assert!(!directory.exists(), "{}", directory.display());
}

#[tokio::test]
async fn ports_and_directories_end_with_their_environment() {
    for stops in [true, false] {
        let env = TestEnv::start().await.unwrap();
        let maps: Api<ConfigMap> = Api::default_namespaced(env.client().await.unwrap());
        maps.create(&PostParams::default(), &config_map("a"))
            .await
            .unwrap();
        let watch = maps.watch(&WatchParams::default(), "0").await.unwrap();
        let port = env.address().port();
        let directory = env.kubeconfig_path().parent().unwrap().to_owned();
        assert!(directory.exists());
        match stops {
            true => env.stop().await,
            false => drop(env),
        }
        is_gone(port, &directory);
        drop(watch);
        let listed = maps.list(&ListParams::default()).await;
        listed.unwrap_err();
    }
}

#[tokio::test]
async fn environments_know_nothing_of_each_other() {
    let started = join_all((0..8).map(|_| TestEnv::start())).await;
    let envs: Vec<_> = started.into_iter().map(Result::unwrap).collect();
    let created = envs.iter().enumerate().map(async |(at, env)| {
        let maps: Api<ConfigMap> = Api::default_namespaced(env.client().await.unwrap());
        let name = format!("map-{at}");
        maps.create(&PostParams::default(), &config_map(&name))
            .await
            .unwrap();
        let found = maps.list(&ListParams::default()).await.unwrap().items;
        let names = found.into_iter().filter_map(|map| map.metadata.name);
        let names: Vec<_> = names.filter(|name| name.starts_with("map-")).collect();
        assert_eq!(names, [name]);
    });
    join_all(created).await;
}

#[test]
fn a_test_may_block() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    runtime.block_on(async {
        let env = TestEnv::start().await.unwrap();
        // as `Command::output` does; a server on this thread could not answer
        let address = env.address();
        let connected = TcpStream::connect_timeout(&address, Duration::from_secs(5));
        connected.unwrap();
    });
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    for (flag, named) in [
        ("--nope", "--nope"),
        ("--data-dir=/tmp/x", "--data-dir"),
        ("--authorization-mode=Perhaps", "known modes are"),
        ("--client-ca-file=/nowhere/ca.crt", "/nowhere/ca.crt"),
        ("--enable-admission-plugins=Nope", "Nope"),
    ] {
        let Err(error) = TestEnv::builder().flag(flag).start().await else {
            panic!("{flag} is accepted");
        };
        assert!(error.to_string().contains(named), "{flag}: {error}");
    }
}
