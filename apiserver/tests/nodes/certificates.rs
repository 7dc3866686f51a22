//! What kubelets are shown, read again when its files change.

use std::fs;
use std::time::Duration;

use portcullis::pki::{Authority, Identity};

use super::{Cluster, PODS, SPDY};
use crate::support::log;

#[tokio::test]
async fn kubelets_are_shown_what_the_files_say_now() {
    let dir = tempfile::tempdir().unwrap();
    let files = ["crt", "key"].map(|end| dir.path().join(format!("kubelets.{end}")));
    let authority = Authority::in_dir(dir.path()).unwrap();
    let put = |identity: &Identity| {
        fs::write(&files[0], &identity.certificate).unwrap();
        fs::write(&files[1], &identity.key).unwrap();
    };
    let [one, two] = ["one", "two"].map(|name| authority.client(name, None).unwrap());
    put(&one);
    let flags = [
        format!("--kubelet-client-certificate={}", files[0].display()),
        format!("--kubelet-client-key={}", files[1].display()),
    ];
    let cluster = Cluster::start(&["c"], &[&flags[0], &flags[1]]).await;
    let exec = format!("{PODS}/web/exec?command=ls&stdout=true");
    let shown = async || {
        assert_eq!(cluster.upgrade("POST", &exec, SPDY).await.code, 101);
        cluster.kubelet.last().shown
    };
    assert_eq!(shown().await, "CN=one");
    for (file, broken) in [(&files[0], "nonsense"), (&files[1], two.key.as_str())] {
        let good = fs::read_to_string(file).unwrap();
        fs::write(file, broken).unwrap();
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(shown().await, "CN=one");
        fs::write(file, good).unwrap();
    }
    assert!(log::so_far().contains("kubelets.crt: no certificate in it"));
    put(&two);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(shown().await, "CN=two");
    assert!(!log::so_far().contains(two.key.lines().nth(1).unwrap()));
}
