use super::*;
use crate::catalogue::Catalogue;

fn offer(release: Option<&str>, config: &[&str]) -> Catalogue {
    let choice = Choice {
        release: release.map(|release| release.parse().unwrap()),
        pod_security_policies: release.is_none(),
        runtime_config: RuntimeConfig::parse(config.iter().copied()).unwrap(),
    };
    Catalogue::of(choice.offer(), [])
}

/// What upstream's releases served (its changelogs and deprecation guide).
#[test]
fn releases_serve_what_they_served() {
    for (api_version, plural, from, to) in [
        ("v1", "pods", 20, 37),
        ("extensions/v1beta1", "ingresses", 20, 21),
        ("extensions/v1beta1", "deployments", 38, 37),
        ("networking.k8s.io/v1beta1", "ingresses", 20, 21),
        ("networking.k8s.io/v1", "ingresses", 20, 37),
        ("rbac.authorization.k8s.io/v1beta1", "roles", 20, 21),
        ("policy/v1beta1", "podsecuritypolicies", 20, 24),
        ("policy/v1beta1", "poddisruptionbudgets", 20, 24),
        ("policy/v1", "poddisruptionbudgets", 21, 37),
        ("batch/v1beta1", "cronjobs", 20, 24),
        ("batch/v1", "cronjobs", 21, 37),
        ("batch/v1", "jobs", 20, 37),
        ("autoscaling/v1", "horizontalpodautoscalers", 20, 37),
        ("autoscaling/v2beta1", "horizontalpodautoscalers", 20, 24),
        ("autoscaling/v2beta2", "horizontalpodautoscalers", 20, 25),
        ("autoscaling/v2", "horizontalpodautoscalers", 23, 37),
        ("discovery.k8s.io/v1", "endpointslices", 21, 37),
        ("storage.k8s.io/v1beta1", "csistoragecapacities", 21, 26),
        ("storage.k8s.io/v1", "csistoragecapacities", 24, 37),
        (
            "admissionregistration.k8s.io/v1",
            "validatingadmissionpolicies",
            30,
            37,
        ),
        ("authentication.k8s.io/v1", "selfsubjectreviews", 28, 37),
    ] {
        for minor in 20..=37 {
            let catalogue = offer(Some(&format!("1.{minor}")), &[]);
            let served = catalogue.find(api_version, plural).is_some();
            let expected = (from..=to).contains(&minor);
            assert_eq!(served, expected, "1.{minor}: {api_version} {plural}");
        }
    }
}

/// A kind that a release does not have at all is in none of its documents, and its keys belong to no resource.
#[test]
fn a_kind_without_versions_is_not_there() {
    let old = offer(Some("1.24"), &[]);
    let find = |catalogue: &Catalogue| {
        let mut rows = catalogue.rows().iter();
        rows.any(|row| row.plural == "validatingadmissionpolicies")
    };
    assert!(!find(&old) && find(&offer(Some("1.30"), &[])));
    let key = "validatingadmissionpolicies/p";
    assert!(old.find_key(key).is_none());
    assert!(Catalogue::default().find_key(key).is_some());
}

#[test]
fn without_a_release_it_is_the_default_one_and_all_that_is_stable() {
    let catalogue = offer(None, &[]);
    assert_eq!(catalogue.offer().release, Release::default());
    for (api_version, plural) in [
        ("batch/v1beta1", "cronjobs"),
        ("policy/v1beta1", "podsecuritypolicies"),
        ("extensions/v1beta1", "podsecuritypolicies"),
        (
            "admissionregistration.k8s.io/v1",
            "mutatingadmissionpolicies",
        ),
    ] {
        assert!(
            catalogue.find(api_version, plural).is_some(),
            "{api_version}"
        );
    }
    for (api_version, plural) in [
        ("extensions/v1beta1", "ingresses"),
        ("networking.k8s.io/v1beta1", "ingresses"),
    ] {
        assert!(
            catalogue.find(api_version, plural).is_none(),
            "{api_version}"
        );
    }
}

#[test]
fn what_is_asked_for_by_name_counts() {
    let served = |config: &[&str], api_version: &str, plural: &str| {
        let catalogue = offer(Some("1.24"), config);
        catalogue.find(api_version, plural).is_some()
    };
    let extensions = "extensions/v1beta1";
    let all = &["extensions/v1beta1=true"];
    assert!(served(all, extensions, "deployments"));
    assert!(served(all, extensions, "ingresses"));
    let one = &["extensions/v1beta1/deployments"];
    assert!(served(one, extensions, "deployments"));
    assert!(!served(one, extensions, "ingresses"));
    let but_one = &[
        "extensions/v1beta1=true",
        "extensions/v1beta1/ingresses=false",
    ];
    assert!(served(but_one, extensions, "deployments"));
    assert!(!served(but_one, extensions, "ingresses"));
    assert!(!served(&["api/beta=false"], "batch/v1beta1", "cronjobs"));
    assert!(served(&["api/beta=false"], "batch/v1", "cronjobs"));
    let only = &["api/all=false", "v1=true", "api/beta"];
    assert!(served(only, "v1", "pods"));
    assert!(served(only, "batch/v1beta1", "cronjobs"));
    assert!(!served(only, "batch/v1", "cronjobs"));
    assert!(!served(&["api/all=true"], extensions, "ingresses"));
    let kept = offer(Some("1.30"), &["policy/v1beta1=true"]);
    assert!(kept.find("policy/v1beta1", "podsecuritypolicies").is_some());
}

#[test]
fn what_is_wrong_is_named() {
    for (entry, expected) in [
        ("v1=yes", r#""v1=yes" is neither true nor false"#),
        (
            "batch/v3",
            r#""batch/v3" is not among the versions and resources of this server"#,
        ),
        (
            "batc/v1=false",
            r#""batc/v1" is not among the versions and resources of this server"#,
        ),
        (
            "batch/v1/pods",
            r#""batch/v1/pods" is not among the versions and resources of this server"#,
        ),
        (
            "batch",
            r#""batch" is neither GROUP/VERSION, GROUP/VERSION/RESOURCE, nor api/all, api/ga, api/beta or api/alpha"#,
        ),
        (
            "api/all=false",
            "api/all=false alone leaves nothing to serve",
        ),
    ] {
        let error = RuntimeConfig::parse([entry]).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    assert!(RuntimeConfig::parse(["batch/v2alpha1=false", "api/v1", "api/ga=1"]).is_ok());
}

/// Rows with fewer versions are those of the table to all who keep one.
#[test]
fn a_narrowed_row_is_its_row() {
    let catalogue = offer(Some("1.30"), &[]);
    let row = catalogue.find("v1", "events").unwrap();
    assert!(row.is(&table::EVENTS.into()));
    assert!(catalogue.has(&table::EVENTS.into()));
    assert_eq!(
        row.api_versions().collect::<Vec<_>>(),
        ["v1", "events.k8s.io/v1"]
    );
    let autoscalers = offer(Some("1.20"), &[]);
    let row = autoscalers.find("autoscaling/v1", "horizontalpodautoscalers");
    let row = row.unwrap();
    assert!(!row.stored_is_served);
    assert!(row.conversion("autoscaling/v1").is_some());
}
