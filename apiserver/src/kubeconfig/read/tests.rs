use std::fs;

use super::*;

const FIRST: &str = "
current-context: one
contexts:
- name: one
  context: {cluster: here, user: jane, namespace: work}
clusters:
- name: here
  cluster: {server: 'https://127.0.0.1:1', certificate-authority: ca.crt}
- name: bare
  cluster: {server: 'https://127.0.0.1:2', insecure-skip-tls-verify: true}
- name: public
  cluster: {server: 'https://127.0.0.1:3'}
- name: torn
  cluster: {server: 'https://127.0.0.1:4', insecure-skip-tls-verify: true, certificate-authority: ca.crt}
users:
- name: jane
  user: {token: janes-token}
- name: file
  user: {tokenFile: token.txt}
- name: plugin
  user: {exec: {command: x}}
- name: broken
  user: {client-certificate-data: 'secret!'}
";
const SECOND: &str = "
current-context: two
contexts:
- name: one
  context: {cluster: elsewhere, user: nobody}
users:
- name: jane
  user: {token: anothers-token}
- name: bob
  user: {username: bob, password: 'a:b'}
- name: certified
  user: {client-certificate-data: Y2hhaW4=, client-key-data: a2V5}
";

fn merged() -> (tempfile::TempDir, Kubeconfig) {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Kubeconfig::default();
    for (name, text) in [("first", FIRST), ("second", SECOND)] {
        fs::write(dir.path().join(name), text).unwrap();
        config.add(&dir.path().join(name)).unwrap();
    }
    fs::write(dir.path().join("ca.crt"), "authority").unwrap();
    fs::write(dir.path().join("token.txt"), "filed-token\n").unwrap();
    (dir, config)
}

#[test]
fn the_first_of_two_entries_with_a_name_counts() {
    let (_dir, config) = merged();
    let context = config.context(None).unwrap();
    assert_eq!(
        (context.user.as_str(), context.namespace.as_str()),
        ("jane", "work")
    );
    let server = config.server(context).unwrap();
    assert_eq!(server.url, "https://127.0.0.1:1");
    assert_eq!(server.authority, b"authority");
    for (cluster, is_insecure) in [("bare", true), ("public", false)] {
        let context = Context {
            cluster: cluster.into(),
            ..Context::default()
        };
        let server = config.server(&context).unwrap();
        assert_eq!(
            (server.is_insecure, server.authority),
            (is_insecure, vec![])
        );
    }
    for (user, shown) in [
        ("jane", Some("Bearer janes-token")),
        ("file", Some("Bearer filed-token")),
        ("bob", Some("Basic Ym9iOmE6Yg==")),
        ("certified", None),
    ] {
        let credentials = config.credentials(user).unwrap();
        assert_eq!(credentials.authorization.as_deref(), shown, "{user}");
        let pair = (b"chain".to_vec(), b"key".to_vec());
        let certified = (user == "certified").then_some(pair);
        assert_eq!(credentials.certificate, certified, "{user}");
    }
}

#[test]
fn errors_name_the_entry_without_its_secrets() {
    let (dir, config) = merged();
    let torn = Context {
        cluster: "torn".into(),
        ..Context::default()
    };
    let gone = dir.path().join("gone");
    let wrong = dir.path().join("wrong");
    fs::write(&wrong, "users: [secret").unwrap();
    for (error, expected) in [
        (
            config.context(Some("nope")).err(),
            "the kubeconfig has no context \"nope\"",
        ),
        (
            config.credentials("nope").err(),
            "the kubeconfig has no user \"nope\"",
        ),
        (
            config.credentials("plugin").err(),
            "user \"plugin\": credentials of a plugin (exec) are not supported",
        ),
        (
            config.credentials("broken").err(),
            "user \"broken\": its data is not base64",
        ),
        (
            config.server(&torn).err(),
            "cluster \"torn\": it names an authority, and with insecure-skip-tls-verify accepts any certificate",
        ),
        (Kubeconfig::load(Some(&gone)).err(), "No such file"),
        (Kubeconfig::load(Some(&wrong)).err(), "not a kubeconfig"),
    ] {
        let text = error.unwrap().to_string();
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}
