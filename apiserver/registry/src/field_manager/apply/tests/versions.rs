//! Managers that use different versions of a kind.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, WebhookClientConfig,
};
use portcullis_kinds::custom::CustomKind;
use portcullis_kinds::row::row;

use super::*;
use crate::conversion::Converter;

const V1: &str = "example.com/v1";
const V2: &str = "example.com/v2";

/// Converts widgets: the `size` of `v1` is the `height` of `v2`.
#[derive(Default)]
struct Renaming {
    calls: AtomicUsize,
    fails: bool,
}

#[async_trait]
impl Converter for Renaming {
    async fn convert(&self, _: &WebhookClientConfig, review: Bytes) -> Result<Bytes, String> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if self.fails {
            return Err("connection refused".into());
        }
        let review: Value = serde_json::from_slice(&review).unwrap();
        let mut objects = review["request"]["objects"].clone();
        let version = &review["request"]["desiredAPIVersion"];
        let (from, to) = match version == V2 {
            true => ("size", "height"),
            false => ("height", "size"),
        };
        for object in objects.as_array_mut().unwrap() {
            assert!(object["metadata"]["name"].is_string(), "{object}");
            object["apiVersion"] = version.clone();
            if let Some(spec) = object["spec"].as_object_mut()
                && let Some(value) = spec.remove(from)
            {
                spec.insert(to.to_owned(), value);
            }
        }
        let answer = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview",
            "response": {"uid": review["request"]["uid"], "result": {"status": "Success"},
                "convertedObjects": objects}});
        Ok(answer.to_string().into())
    }
}

fn definition(versions: &[&str], strategy: &str) -> CustomResourceDefinition {
    let text = json!({"type": "string"});
    let versions = versions.iter().map(|name| {
        let size = if *name == "v2" && strategy == "Webhook" { "height" } else { "size" };
        json!({"name": name, "served": true, "storage": *name == versions[0],
            "subresources": {"status": {}},
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                "spec": {"type": "object", "properties": {size: text, "colour": text, "shape": text}},
                "status": {"type": "object", "properties": {"ready": text}}}}}})
    });
    let webhook =
        json!({"clientConfig": {"url": "https://localhost"}, "conversionReviewVersions": ["v1"]});
    let webhook = (strategy == "Webhook").then_some(webhook);
    serde_json::from_value(json!({
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": versions.collect::<Vec<_>>(),
            "conversion": {"strategy": strategy, "webhook": webhook}},
    }))
    .unwrap()
}

fn resource(definition: &CustomResourceDefinition) -> &'static Resource {
    let kind = CustomKind::compile(definition).unwrap();
    Box::leak(Box::new(row(definition, Arc::new(kind))))
}

fn unconverted() -> Story {
    Story::of(resource(&definition(&["v1", "v2"], "None")), V1)
}

fn converted(webhook: &Arc<Renaming>) -> Story {
    let mut story = Story::of(resource(&definition(&["v1", "v2"], "Webhook")), V1);
    story.conversions = Conversions::new(webhook.clone());
    story
}

impl Story {
    /// Continues in another version.
    fn switch(&mut self, api_version: &'static str) {
        let live = self.with_writer("", |writer| {
            let live = writer
                .versions()
                .convert(Cow::Borrowed(&self.live), api_version);
            ready(live).unwrap().into_owned()
        });
        (self.live, self.api_version) = (live, api_version);
    }

    fn versions(&self) -> Vec<(&str, &str)> {
        let entries = self.entries.iter();
        let mut found: Vec<_> = entries
            .filter_map(|e| Some((e.manager.as_deref()?, e.api_version.as_deref()?)))
            .collect();
        found.sort_unstable();
        found
    }
}

fn widget(api_version: &str, spec: &Value) -> Value {
    json!({"apiVersion": api_version, "kind": "Widget", "metadata": {"name": "w"}, "spec": spec})
}

#[test]
fn appliers_of_two_versions_conflict_over_the_same_field() {
    let webhook = Arc::default();
    let mut story = converted(&webhook);
    story.apply("one", &widget(V1, &json!({"size": "1", "colour": "red"})));
    story.switch(V2);
    let other = widget(V2, &json!({"height": "2"}));
    let refused = story.try_apply("two", &other, false).unwrap_err();
    assert_eq!(
        refused.message,
        "Apply failed with 1 conflict: conflict with \"one\": .spec.size"
    );
    story.try_apply("two", &other, true).unwrap();
    assert_eq!(story.owned_by("one"), json!({"f:spec": {"f:colour": {}}}));
    assert_eq!(story.owned_by("two"), json!({"f:spec": {"f:height": {}}}));
    assert_eq!(story.versions(), [("one", V1), ("two", V2)]);
    assert_eq!(story.live["spec"], json!({"height": "2", "colour": "red"}));
}

#[test]
fn an_equal_value_in_another_version_is_shared() {
    let webhook = Arc::default();
    let mut story = converted(&webhook);
    story.apply("one", &widget(V1, &json!({"size": "1"})));
    story.switch(V2);
    story.apply("two", &widget(V2, &json!({"height": "1"})));
    // the other manager still owns it
    story.apply("two", &widget(V2, &json!({"colour": "red"})));
    assert_eq!(story.live["spec"], json!({"height": "1", "colour": "red"}));
    assert_eq!(story.owned_by("one"), json!({"f:spec": {"f:size": {}}}));
}

#[test]
fn an_applier_that_changes_its_version_removes_what_it_applied_in_the_old_one() {
    let webhook = Arc::default();
    let mut story = converted(&webhook);
    let labelled = |version, spec: &Value| {
        let mut widget = widget(version, spec);
        widget["metadata"]["labels"] = json!({"l": "m"});
        widget
    };
    story.apply(
        "one",
        &labelled(V1, &json!({"size": "1", "shape": "round"})),
    );
    story.apply("hand", &widget(V1, &json!({"colour": "red"})));
    story.switch(V2);
    story.apply("one", &labelled(V2, &json!({"shape": "round"})));
    assert_eq!(
        story.live["spec"],
        json!({"shape": "round", "colour": "red"})
    );
    assert_eq!(story.live["metadata"]["name"], "w");
    assert_eq!(story.live["apiVersion"], V2);
    assert_eq!(story.versions(), [("hand", V1), ("one", V2)]);
}

#[test]
fn an_update_in_one_version_keeps_the_managers_of_another() {
    let webhook = Arc::default();
    let mut story = converted(&webhook);
    story.apply("one", &widget(V1, &json!({"size": "1", "colour": "red"})));
    story.update(
        "hand",
        widget(V1, &json!({"size": "1", "colour": "red", "shape": "round"})),
    );
    story.switch(V2);
    // the same value under its other name, one changed and one removed
    story.update("two", widget(V2, &json!({"height": "1", "colour": "blue"})));
    assert_eq!(story.owned_by("one"), json!({"f:spec": {"f:size": {}}}));
    assert_eq!(story.owned_by("hand"), Value::Null);
    assert_eq!(story.owned_by("two"), json!({"f:spec": {"f:colour": {}}}));
    story.update("two", widget(V2, &json!({"height": "2", "colour": "blue"})));
    assert_eq!(story.versions(), [("two", V2)]);
}

#[test]
fn nothing_is_converted_for_managers_of_one_version() {
    let webhook: Arc<Renaming> = Arc::default();
    let mut story = converted(&webhook);
    story.apply("one", &widget(V1, &json!({"size": "1"})));
    story.apply("two", &widget(V1, &json!({"colour": "red"})));
    story.apply("one", &widget(V1, &json!({"shape": "round"})));
    story.update("hand", widget(V1, &json!({"colour": "blue"})));
    assert_eq!(webhook.calls.load(Ordering::Relaxed), 0);
    story.switch(V2);
    let before = webhook.calls.load(Ordering::Relaxed);
    story.update("hand", widget(V2, &json!({"colour": "red"})));
    // both states in one call, for all managers of the version
    assert_eq!(webhook.calls.load(Ordering::Relaxed), before + 1);
}

#[test]
fn versions_that_differ_in_their_name_only_need_no_webhook() {
    let mut story = unconverted();
    story.apply("one", &widget(V1, &json!({"size": "1"})));
    story.switch(V2);
    let other = widget(V2, &json!({"size": "2"}));
    let refused = story.try_apply("two", &other, false).unwrap_err();
    assert!(
        refused
            .message
            .ends_with("conflict with \"one\": .spec.size")
    );
    story.update("hand", other);
    assert_eq!(story.versions(), [("hand", V2)]);
}

#[test]
fn the_entries_of_a_version_that_is_gone_are_dropped() {
    let mut story = unconverted();
    story.apply("one", &widget(V1, &json!({"size": "1"})));
    story.switch(V2);
    story.apply("two", &widget(V2, &json!({"colour": "red"})));
    story.resource = resource(&definition(&["v2"], "None"));
    let mut updated = story.entries.clone();
    let mut other = Story::of(story.resource, V2);
    (other.live, other.entries) = (story.live.clone(), std::mem::take(&mut updated));
    other.update(
        "hand",
        widget(V2, &json!({"size": "1", "colour": "red", "shape": "round"})),
    );
    assert_eq!(other.versions(), [("hand", V2), ("two", V2)]);
    // not in the way of an apply either
    story.apply("two", &widget(V2, &json!({"size": "2"})));
    assert_eq!(story.versions(), [("two", V2)]);
}

#[test]
fn a_webhook_that_is_down_fails_an_apply() {
    let webhook = Arc::default();
    let mut story = converted(&webhook);
    story.apply("one", &widget(V1, &json!({"size": "1"})));
    story.switch(V2);
    story.conversions = Conversions::new(Arc::new(Renaming {
        fails: true,
        ..Renaming::default()
    }));
    let other = widget(V2, &json!({"colour": "red"}));
    let failed = story.try_apply("two", &other, false).unwrap_err();
    assert_eq!(
        failed.message,
        "conversion webhook for example.com/v2, Kind=Widget failed: connection refused"
    );
}

#[test]
fn versions_of_built_in_kinds_are_converted_too() {
    let mut story = Story::new("autoscaling/v2", "horizontalpodautoscalers");
    let scaler = |version: &str, spec: &Value| {
        json!({"apiVersion": version, "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "h"}, "spec": spec})
    };
    let reference = json!({"kind": "Deployment", "name": "d"});
    let metric = |percent: i32| {
        json!({"scaleTargetRef": reference, "maxReplicas": 3, "metrics": [{"type": "Resource",
            "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}}}]})
    };
    story.apply("one", &scaler("autoscaling/v2", &metric(50)));
    story.switch("autoscaling/v1");
    let less = json!({"targetCPUUtilizationPercentage": 40});
    let refused = story.try_apply("two", &scaler("autoscaling/v1", &less), false);
    assert_eq!(
        refused.unwrap_err().message,
        "Apply failed with 1 conflict: conflict with \"one\": .spec.metrics"
    );
    let same = json!({"targetCPUUtilizationPercentage": 50});
    story.apply("two", &scaler("autoscaling/v1", &same));
    assert_eq!(story.versions().len(), 2);
}
