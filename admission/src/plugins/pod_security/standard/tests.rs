//! Runs the table of all controls, `testdata/admission/controls/*.yaml`.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Pod;
use serde::Deserialize;
use serde_json::Value;

use super::{CHECKS, Level, PodLike, VersionedCheck};

/// One above the newest release that changed a check.
const NEWEST: u32 = 38;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    control: String,
    /// The releases that reject the pod, as `8-24` or `19-`; all others accept it.
    #[serde(default)]
    refused: String,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    pod: Value,
    violates: Option<String>,
}

impl Case {
    fn pod(&self) -> Pod {
        let mut pod = Pod::default();
        pod.metadata.annotations = Some(self.annotations.clone());
        pod.spec = Some(portcullis_api::decode::decode(&self.pod).unwrap().value);
        pod
    }

    /// The first release that rejects the pod, and the first after it that accepts it.
    fn releases(&self) -> Option<(u32, u32)> {
        let (first, last) = self.refused.split_once('-')?;
        let end = last.parse::<u32>().map_or(u32::MAX, |last| last + 1);
        Some((first.parse().unwrap(), end))
    }

    fn check(&self) -> &'static VersionedCheck {
        let check = CHECKS.iter().find(|check| check.id == self.control);
        check.unwrap_or_else(|| panic!("no control {}", self.control))
    }
}

fn cases() -> Vec<Case> {
    let tables = [
        include_str!("../../../../../testdata/admission/controls/baseline.yaml"),
        include_str!("../../../../../testdata/admission/controls/restricted.yaml"),
    ];
    let levels = [Level::Baseline, Level::Restricted];
    let mut all = Vec::new();
    for (table, level) in tables.into_iter().zip(levels) {
        let cases: Vec<Case> = serde_saphyr::from_str(table).unwrap();
        for case in &cases {
            assert_eq!(case.check().level, level, "{}", case.control);
        }
        all.extend(cases);
    }
    all
}

#[test]
fn every_control_rejects_its_cases_in_the_expected_releases() {
    for case in cases() {
        let pod = case.pod();
        for minor in (0..NEWEST).chain([u32::MAX]) {
            let found = case.check().as_of(minor);
            let found = found.and_then(|check| check(&PodLike::of(&pod)));
            let found = found.map(|v| format!("{} ({})", v.reason, v.detail));
            let releases = case.releases();
            let rejects = releases.is_some_and(|(first, end)| {
                minor >= first && minor < end || minor == u32::MAX && end == u32::MAX
            });
            let expected = case.violates.clone().filter(|_| rejects);
            assert_eq!(
                found, expected,
                "{} as of 1.{minor}: {}",
                case.control, case.pod
            );
        }
    }
}

#[test]
fn the_table_covers_every_control_and_every_version() {
    let cases = cases();
    for check in &CHECKS {
        let of_check = || cases.iter().filter(|case| case.control == check.id);
        let boundaries: BTreeSet<u32> = of_check()
            .filter_map(Case::releases)
            .flat_map(|(first, end)| [first, end])
            .collect();
        for (since, _) in check.versions {
            assert!(boundaries.contains(since), "{} as of 1.{since}", check.id);
        }
        assert!(
            of_check().any(|case| case.refused.is_empty()),
            "{} has no accepted case",
            check.id
        );
    }
}
