//! Every stable kind of `k8s-openapi` is served.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::catalogue::Catalogue;
use crate::release::Release;

/// Those that are not, each with the reason.
const NOT_SERVED: [(&str, &str, &str); 4] = [
    ("authentication.k8s.io/v1", "TokenRequest", "a subresource"),
    ("autoscaling/v1", "Scale", "a subresource"),
    (
        "certificates.k8s.io/v1",
        "PodCertificateRequest",
        "kubelets make them for volumes whose signers are not here, and each is to prove that it has its key",
    ),
    ("policy/v1", "Eviction", "a subresource"),
];

/// The sources of the crate, as cargo knows them.
fn sources() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    let output = cargo
        .args(["metadata", "--format-version=1", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut packages = metadata["packages"].as_array().unwrap().iter();
    let package = packages.find(|package| package["name"] == "k8s-openapi");
    let manifest = package.unwrap()["manifest_path"].as_str().unwrap();
    let version = format!("v1_{}", Release::NEWEST.minor());
    Path::new(manifest).with_file_name("src").join(version)
}

/// The API versions and kinds of all types with metadata of objects.
fn kinds_below(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            kinds_below(&path, found);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        if !text.contains("type Ty = crate::apimachinery::pkg::apis::meta::v1::ObjectMeta;") {
            continue;
        }
        let value = |constant: &str| {
            let start = format!("const {constant}: &'static str = \"");
            let (_, rest) = text.split_once(&start).unwrap();
            rest.split_once('"').unwrap().0.to_owned()
        };
        found.push((value("API_VERSION"), value("KIND")));
    }
}

#[test]
fn every_stable_kind_is_served() {
    let mut kinds = Vec::new();
    kinds_below(&sources(), &mut kinds);
    assert!(kinds.len() > 60, "the sources are read: {}", kinds.len());
    let is_stable = |api_version: &str| {
        let version = api_version.rsplit('/').next().unwrap_or_default();
        !version.contains("alpha") && !version.contains("beta")
    };
    let catalogue = Catalogue::default();
    for (api_version, kind) in kinds.iter().filter(|(version, _)| is_stable(version)) {
        let mut rows = catalogue.rows().iter();
        let served = rows.any(|row| {
            row.kind == kind && row.api_versions().any(|version| version == *api_version)
        });
        let mut exceptions = NOT_SERVED.iter();
        let excepted = exceptions
            .any(|(version, of, _)| (version, of) == (&api_version.as_str(), &kind.as_str()));
        assert_ne!(served, excepted, "{api_version} {kind}");
    }
}
