//! Objects of every kind have one encoding, whether they come from a client, from the store, or from a second
//! read.

mod sample;

use serde_json::{Value, json};

use self::sample::{Leaves, Samples};
use super::*;
use portcullis_kinds::table::RESOURCES;

/// Every kind in every version it is served in.
fn all() -> impl Iterator<Item = (&'static Resource, String)> {
    let versions = |r: &'static Resource| r.api_versions().map(move |v| (r, v));
    RESOURCES.iter().flat_map(versions)
}

fn read(resource: &Resource, api_version: &str, value: &Value) -> Box<dyn Object> {
    let mut document = value.clone();
    // two types may have the name of a kind
    document["apiVersion"] = api_version.into();
    let decoded = resource.decode(api_version, &document);
    let decoded = decoded.unwrap_or_else(|e| panic!("{api_version} {}: {e}", resource.kind));
    assert!(
        decoded.unknown_fields.is_empty(),
        "{:?}",
        decoded.unknown_fields
    );
    decoded.value
}

/// As [`all`], without those that are converted first: the result of a conversion is defaulted before it is
/// used.
fn unconverted() -> impl Iterator<Item = (&'static Resource, String)> {
    all().filter(|(resource, api_version)| resource.conversion(api_version).is_none())
}

/// The object after writing and reading it.
fn again(resource: &Resource, object: &dyn Object) -> Box<dyn Object> {
    let stored = resource.api_version();
    let bytes = object.encode(resource.type_meta(&stored));
    read(resource, &stored, &serde_json::from_slice(&bytes).unwrap())
}

/// The encoding: types have more fields than `Object` has methods for.
fn form(object: &dyn Object) -> String {
    format!("{object:#?}")
}

fn assert_same(what: &str, kind: &str, one: &dyn Object, other: &dyn Object) {
    let (one, other) = (form(one), form(other));
    let differ = one.lines().zip(other.lines()).find(|(a, b)| a != b);
    assert!(one == other, "{what}: {kind}: {differ:?}");
}

#[test]
fn zeros_count_as_absent_fields_in_every_kind() {
    let mut zeros = 0;
    for (resource, api_version) in all() {
        let mut samples = Samples::of(resource, &api_version);
        let said = samples.object(resource.kind, Leaves::Zero);
        zeros += samples.zeros();
        let unsaid = samples.object(resource.kind, Leaves::None);
        let [said, unsaid] = [said, unsaid].map(|v| read(resource, &api_version, &v));
        assert_same(&api_version, resource.kind, said.as_ref(), unsaid.as_ref());
    }
    assert!(zeros > 2000, "{zeros}");
}

#[test]
fn objects_of_every_kind_read_as_they_are_written() {
    for (resource, api_version) in unconverted() {
        let mut samples = Samples::of(resource, &api_version);
        for leaves in [Leaves::Full, Leaves::Zero, Leaves::None] {
            let object = read(
                resource,
                &api_version,
                &samples.object(resource.kind, leaves),
            );
            let written = again(resource, object.as_ref());
            assert_same("decoded", resource.kind, object.as_ref(), written.as_ref());
        }
    }
}

#[test]
fn defaults_of_every_kind_read_as_they_are_written() {
    for (resource, api_version) in all() {
        let mut samples = Samples::of(resource, &api_version);
        for leaves in [Leaves::Full, Leaves::Zero, Leaves::None] {
            let mut object = read(
                resource,
                &api_version,
                &samples.object(resource.kind, leaves),
            );
            resource.strategy.default(object.as_mut());
            let mut written = again(resource, object.as_ref());
            resource.strategy.default(written.as_mut());
            assert_same(
                "defaulted",
                resource.kind,
                object.as_ref(),
                written.as_ref(),
            );
        }
    }
}

#[test]
fn preparing_twice_changes_nothing() {
    for (resource, api_version) in all() {
        let mut samples = Samples::of(resource, &api_version);
        for leaves in [Leaves::Full, Leaves::Zero, Leaves::None] {
            let strategy = &resource.strategy;
            let mut old = read(
                resource,
                &api_version,
                &samples.object(resource.kind, leaves),
            );
            strategy.default(old.as_mut());
            strategy.prepare_for_create(old.as_mut());
            strategy.prepare_named(old.as_mut());
            let mut old = again(resource, old.as_ref());
            strategy.default(old.as_mut());
            let mut new = old.clone();
            strategy.prepare_for_update(new.as_mut(), old.as_ref());
            assert_ne!(
                strategy.spec_changed(new.as_ref(), old.as_ref()),
                Some(true),
                "{}",
                resource.kind
            );
            assert_same(
                "prepared",
                resource.kind,
                new.as_ref(),
                again(resource, new.as_ref()).as_ref(),
            );
        }
    }
}

#[test]
fn an_empty_document_reads_as_an_empty_object() {
    for (resource, api_version) in unconverted() {
        let object = read(resource, &api_version, &json!({}));
        let written = again(resource, object.as_ref());
        assert_same("empty", resource.kind, object.as_ref(), written.as_ref());
    }
}

#[test]
fn every_kind_round_trips_with_nothing_set() {
    for resource in RESOURCES {
        for version in resource.api_versions() {
            let bytes = round_trip(resource, &version, &serde_json::json!({}));
            assert!(bytes.is_some(), "{version} {}", resource.kind);
        }
    }
}
