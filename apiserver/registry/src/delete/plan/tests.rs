use super::*;
use k8s_openapi::api::core::v1::{Namespace, NamespaceSpec};
use portcullis_kinds::table;

fn namespaces() -> &'static Resource {
    table::NAMESPACES
}

fn namespace(held: bool) -> Box<dyn Object> {
    let finalizers = held.then(|| vec!["kubernetes".to_owned()]);
    Box::new(Namespace {
        spec: Some(NamespaceSpec { finalizers }),
        ..Namespace::default()
    })
}

#[test]
fn what_the_kind_holds_is_marked_and_stays() {
    let Plan::Mark(marked) = plan(namespaces(), "", namespace(true), &DeleteOptions::default())
    else {
        panic!("not marked");
    };
    assert!(marked.metadata().deletion_timestamp.is_some());
    let status = marked
        .as_kind::<Namespace>()
        .unwrap()
        .status
        .clone()
        .unwrap();
    assert_eq!(status.phase.as_deref(), Some("Terminating"));
    assert!(matches!(
        plan(namespaces(), "", marked, &DeleteOptions::default()),
        Plan::Nothing
    ));
}

#[test]
fn an_object_without_finalizers_is_removed_immediately() {
    assert!(matches!(
        plan(
            namespaces(),
            "",
            namespace(false),
            &DeleteOptions::default()
        ),
        Plan::Remove
    ));
}

#[test]
fn a_propagation_policy_is_a_finalizer() {
    for (propagation, finalizer) in [
        (Propagation::Foreground, FOREGROUND),
        (Propagation::Orphan, ORPHAN),
    ] {
        let options = DeleteOptions {
            propagation: Some(propagation),
            ..DeleteOptions::default()
        };
        let Plan::Mark(marked) = plan(namespaces(), "", namespace(false), &options) else {
            panic!("not marked")
        };
        assert_eq!(
            marked.metadata().finalizers.as_deref(),
            Some([finalizer.to_owned()].as_slice())
        );
    }
}

#[test]
fn the_kinds_propagation_is_the_default() {
    use GarbageCollection::{DeleteDependents, OrphanDependents, Unsupported};
    let none: &[&str] = &[];
    for (present, asked, default, left) in [
        (none, None, DeleteDependents, none),
        (none, None, OrphanDependents, &[ORPHAN]),
        (none, Some(Propagation::Background), OrphanDependents, none),
        (
            none,
            Some(Propagation::Foreground),
            OrphanDependents,
            &[FOREGROUND],
        ),
        (
            &[FOREGROUND, "a/b"],
            None,
            OrphanDependents,
            &[FOREGROUND, "a/b"],
        ),
        (
            &[ORPHAN, "a/b"],
            Some(Propagation::Background),
            OrphanDependents,
            &["a/b"],
        ),
        (none, Some(Propagation::Orphan), Unsupported, none),
    ] {
        let finalizers = present.iter().map(|f| (*f).to_owned()).collect();
        let mut meta = ObjectMeta {
            finalizers: Some(finalizers),
            ..ObjectMeta::default()
        };
        set_finalizers(&mut meta, asked, default);
        assert_eq!(
            meta.finalizers.unwrap(),
            left,
            "{present:?} {asked:?} {default:?}"
        );
    }
    for (kind, default) in [
        (table::find("batch/v1", "jobs"), OrphanDependents),
        (
            table::find("v1", "replicationcontrollers"),
            OrphanDependents,
        ),
        (table::find("v1", "events"), Unsupported),
        (table::find("batch/v1", "cronjobs"), DeleteDependents),
        (table::find("apps/v1", "deployments"), DeleteDependents),
    ] {
        assert_eq!(kind.unwrap().garbage_collection(""), default);
    }
    for version in ["apps/v1beta1", "apps/v1beta2", "extensions/v1beta1"] {
        let deployments = table::find(version, "deployments").unwrap();
        assert_eq!(deployments.garbage_collection(version), OrphanDependents);
        let stable = deployments.garbage_collection("apps/v1");
        assert_eq!(stable, DeleteDependents);
    }
}

#[test]
fn a_period_is_only_ever_shortened() {
    let mut meta = ObjectMeta {
        deletion_timestamp: Some(portcullis_kinds::time::now()),
        deletion_grace_period_seconds: Some(30),
        ..ObjectMeta::default()
    };
    assert!(!shorten(&mut meta, Some(60)) && !shorten(&mut meta, None));
    let end = meta.deletion_timestamp.clone().unwrap().0;
    assert!(shorten(&mut meta, Some(10)));
    assert_eq!(
        end.duration_since(meta.deletion_timestamp.unwrap().0)
            .as_secs(),
        20
    );
    assert_eq!(meta.deletion_grace_period_seconds, Some(10));
}
