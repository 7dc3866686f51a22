//! `portcullis healthcheck`.

use std::path::Path;
use std::process::Command;

use crate::support::process::Process;
use crate::support::server::directory;

/// Whether it succeeds, and its output.
fn healthcheck(words: &[&str]) -> (bool, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    let output = program.arg("healthcheck").args(words).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8(said).unwrap().trim().to_owned(),
    )
}

fn data_dir(path: &Path) -> String {
    format!("--data-dir={}", path.display())
}

#[test]
fn a_data_directory_determines_the_server() {
    let (first, second) = (directory(), directory());
    let (one, other) = (first.path().join("data"), second.path().join("data"));
    let (success, said) = healthcheck(&[&data_dir(&one)]);
    let missing = one.join("admin.kubeconfig").display().to_string();
    assert!(!success && said.contains(&missing), "{said}");
    let server = Process::start(one.clone(), &[]);
    let elsewhere = Process::start(other.clone(), &[]);
    for dir in [&one, &other] {
        assert_eq!(healthcheck(&[&data_dir(dir)]), (true, String::new()));
    }
    let address = format!("--server=https://{}", elsewhere.address());
    assert_eq!(healthcheck(&[&address]), (true, String::new()));
    let (success, said) = healthcheck(&[&data_dir(&one), &address]);
    assert!(!success, "the other server's authority is another one");
    assert!(said.contains("invalid peer certificate"), "{said}");
    server.terminate();
    let (success, said) = healthcheck(&[&data_dir(&one)]);
    assert!(!success && said.contains("is not ready"), "{said}");
}
