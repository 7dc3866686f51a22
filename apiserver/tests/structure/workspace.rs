//! The crates of the workspace, from `cargo metadata`.

use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `None` for dependencies of the code itself.
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    src_path: PathBuf,
}

pub(crate) struct Workspace {
    pub(crate) members: Vec<Member>,
}

pub(crate) struct Member {
    pub(crate) name: String,
    /// The path of its `lib.rs`.
    pub(crate) root: PathBuf,
    /// The dependencies of its code, without those of its tests.
    pub(crate) dependencies: Vec<String>,
}

impl Workspace {
    pub(crate) fn read() -> Self {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--no-deps", "--format-version=1", "--offline"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        let metadata: Metadata = serde_json::from_slice(&output.stdout).unwrap();
        let members = metadata.packages.into_iter().map(|package| Member {
            root: package.root(),
            dependencies: package.needs(),
            name: package.name,
        });
        Self {
            members: members.collect(),
        }
    }

    pub(crate) fn member(&self, name: &str) -> &Member {
        let found = self.members.iter().find(|m| m.name == name);
        found.unwrap_or_else(|| panic!("no crate {name}"))
    }
}

impl Package {
    fn root(&self) -> PathBuf {
        let lib = self.targets.iter().find(|t| t.kind.contains(&"lib".into()));
        lib.unwrap().src_path.clone()
    }

    fn needs(&self) -> Vec<String> {
        let needed = self.dependencies.iter().filter(|d| d.kind.is_none());
        needed.map(|d| d.name.clone()).collect()
    }
}
