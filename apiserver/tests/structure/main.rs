//! The structure of the code: the dependencies of crates, and no import cycles among modules.
//!
//! The tests read the sources and `cargo metadata`, so that a failure names the files.
#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first surprise, with its place"
)]

mod circles;
mod imports;
mod module;
mod workspace;

use std::collections::BTreeSet;

use self::circles::circles;
use self::module::Crate;
use self::workspace::Workspace;

/// The crates of this workspace that each crate may depend on. Only the server itself, which is not listed,
/// may depend on all.
const KNOWS: &[(&str, &[&str])] = &[
    ("api", &[]),
    ("cel", &["api"]),
    ("schema", &["api", "cel"]),
    ("storage", &["api"]),
    ("authn", &["api"]),
    ("rbac", &["api"]),
    ("admission", &["api", "cel"]),
    ("netpol", &["api"]),
    ("kinds", &["api", "cel", "schema"]),
    (
        "registry",
        &["api", "admission", "kinds", "rbac", "schema", "storage"],
    ),
    ("openapi", &["api", "kinds", "schema"]),
    (
        "controllers",
        &["api", "admission", "kinds", "rbac", "registry", "storage"],
    ),
];

/// Modules with forbidden imports: the crate, the module, and the prefixes of paths that it may not name.
const FORBIDDEN: &[(&str, &str, &[&str])] = &[
    (
        "portcullis",
        "endpoints",
        &[
            "crate::start",
            "crate::cli",
            "crate::serving",
            "crate::layers",
        ],
    ),
    (
        "portcullis",
        "layers",
        &["crate::start", "crate::cli", "crate::serving"],
    ),
    (
        "portcullis",
        "access",
        &["crate::endpoints", "crate::layers", "crate::start"],
    ),
    (
        "portcullis",
        "response",
        &["crate::endpoints", "crate::layers", "crate::start"],
    ),
    (
        "portcullis",
        "outbound",
        &["crate::endpoints", "crate::layers", "crate::start"],
    ),
    (
        "portcullis-kinds",
        "",
        &["tokio", "http_body", "hyper", "futures_util"],
    ),
    (
        "portcullis-netpol",
        "",
        &["tokio", "std::fs", "std::process"],
    ),
];

/// The only modules of the server that may name hyper.
const NAMES_HYPER: &[&str] = &["serving", "outbound"];

#[test]
fn crates_depend_on_permitted_crates_only() {
    let workspace = Workspace::read();
    let short = |name: &str| name.trim_start_matches("portcullis-").to_owned();
    for (name, allowed) in KNOWS {
        let member = workspace.member(&format!("portcullis-{name}"));
        let known = member
            .dependencies
            .iter()
            .filter(|d| d.starts_with("portcullis"));
        let known: BTreeSet<_> = known.map(|d| short(d)).collect();
        let allowed = allowed.iter().map(|a| (*a).to_owned()).collect();
        assert!(
            known.is_subset(&allowed),
            "{name} depends on {known:?}, and may on {allowed:?}"
        );
    }
    // and the server, and the crate that runs it in tests
    let listed = KNOWS.len() + 2;
    assert_eq!(
        workspace.members.len(),
        listed,
        "a crate is missing in this test"
    );
}

#[test]
fn modules_have_no_import_cycles() {
    let workspace = Workspace::read();
    let mut found = Vec::new();
    for member in &workspace.members {
        let krate = Crate::read(&member.name, &member.root);
        found.extend(circles(&krate));
    }
    assert!(
        found.is_empty(),
        "{} circles:\n{}",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn modules_name_only_permitted_paths() {
    let workspace = Workspace::read();
    let mut found = Vec::new();
    for (name, module, forbidden) in FORBIDDEN {
        let krate = Crate::read(name, &workspace.member(name).root);
        for import in krate.names_below(module) {
            let path = import.path.join("::");
            let is_below = |f: &&str| path == **f || path.starts_with(&format!("{f}::"));
            if forbidden.iter().any(&is_below) {
                found.push(format!("{} names {path}", import.file.display()));
            }
        }
    }
    let server = Crate::read("portcullis", &workspace.member("portcullis").root);
    for import in server.names_below("") {
        let is_hyper = import.path[0] == "hyper";
        if is_hyper && !NAMES_HYPER.contains(&import.module[0].as_str()) {
            found.push(format!("{} names hyper", import.file.display()));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The rules above find violations.
#[test]
fn import_cycles_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("lib.rs", "mod a;\nmod b;\nmod facade;\n");
    write("a.rs", "use crate::b::B;\npub struct A(B);\n");
    write(
        "b.rs",
        "pub struct B;\nfn f() { let _ = crate::facade::Inner; }\n",
    );
    write("facade.rs", "mod inner;\npub use inner::{Inner, inner};\n");
    write(
        "facade/inner.rs",
        "use crate::b;\npub struct Inner;\npub fn inner() {}\n#[cfg(test)]\nmod tests { use crate::a::A; }\n",
    );
    let found = circles(&Crate::read("example", &dir.path().join("lib.rs")));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("b imports facade::inner"), "{found:?}");
    write("facade/inner.rs", "pub struct Inner;\npub fn inner() {}\n");
    let found = circles(&Crate::read("example", &dir.path().join("lib.rs")));
    assert!(found.is_empty(), "{found:?}");
}
