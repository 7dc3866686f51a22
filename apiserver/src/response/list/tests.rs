use http_body::Body as _;
use http_body_util::BodyExt;
use portcullis_kinds::resource::Resource;
use portcullis_kinds::table::RESOURCES;
use serde_json::{Value, json};

use super::*;
use crate::response::accept::{Format, MetaVersion};

const OBJECTS: Form = Form::Object;
const TABLE: Form = Form::Table(MetaVersion::V1);

fn resource(name: &str) -> &'static Resource {
    RESOURCES.iter().find(|r| r.plural == name).unwrap()
}

fn shape(name: &str, api_version: &str, form: Form, include: IncludeObject) -> Shape {
    let encoding = Encoding::Json;
    Shape {
        resource: resource(name).into(),
        api_version: api_version.into(),
        format: Format { form, encoding },
        include,
    }
}

/// Objects of 9,000 bytes.
fn list(name: &str, count: u64) -> List {
    let resource = resource(name);
    let api_version = resource.api_version();
    let entry = |n| {
        let text = format!(
            r#"{{"kind":"{}","apiVersion":"{api_version}","metadata":{{"name":"{n}","annotations":{{"x":"{}"}}}}}}"#,
            resource.kind,
            "y".repeat(9_000)
        );
        Entry::new(format!("/{n}"), text.into(), n + 1)
    };
    List {
        entries: (0..count).map(entry).collect(),
        revision: 1_000,
        continues: None,
        remaining: None,
    }
}

async fn pieces(shape: Shape, list: List) -> Vec<Bytes> {
    let mut body = body(shape, list).await.unwrap();
    let size = body.size_hint().exact().unwrap();
    let mut pieces = Vec::new();
    while let Some(frame) = body.frame().await {
        pieces.push(frame.unwrap().into_data().unwrap());
    }
    let all: usize = pieces.iter().map(Bytes::len).sum();
    assert_eq!(u64::try_from(all).ok(), Some(size));
    pieces
}

#[tokio::test]
async fn a_long_list_comes_in_pieces() {
    let maps = || shape("configmaps", "v1", OBJECTS, IncludeObject::default());
    for (count, expected) in [(0, 1), (1, 1), (7, 1), (8, 2), (100, 14)] {
        let pieces = pieces(maps(), list("configmaps", count)).await;
        assert_eq!(pieces.len(), expected, "{count}");
        assert!(pieces.iter().all(|piece| piece.len() <= PIECE));
        let list: Value = serde_json::from_slice(&pieces.concat()).unwrap();
        let items = list["items"].as_array().unwrap();
        let names = items.iter().map(|item| &item["metadata"]["name"]);
        assert!(
            names.eq((0..count)
                .map(|n| json!(n.to_string()))
                .collect::<Vec<_>>()
                .iter())
        );
    }
}

/// Only what must be decoded is written once and kept.
#[tokio::test]
async fn stored_objects_are_copied_while_they_are_sent() {
    const SCALERS: &str = "horizontalpodautoscalers";
    let stored = resource(SCALERS).api_version();
    assert_ne!(stored, "autoscaling/v1");
    for (name, api_version, form, include, copied) in [
        ("configmaps", "v1", OBJECTS, IncludeObject::Metadata, true),
        ("configmaps", "v1", TABLE, IncludeObject::Metadata, true),
        (
            SCALERS,
            stored.as_str(),
            OBJECTS,
            IncludeObject::Metadata,
            true,
        ),
        (
            SCALERS,
            "autoscaling/v1",
            OBJECTS,
            IncludeObject::Metadata,
            false,
        ),
        (
            SCALERS,
            "autoscaling/v1",
            TABLE,
            IncludeObject::Object,
            false,
        ),
        (SCALERS, "autoscaling/v1", TABLE, IncludeObject::None, true),
    ] {
        let shape = shape(name, api_version, form, include);
        let pieces = Pieces::new(shape, list(name, 20)).unwrap();
        let length = pieces.length().await.unwrap();
        assert_eq!(
            length.is_some(),
            copied,
            "{api_version} {form:?} {include:?}"
        );
    }
}

#[tokio::test]
async fn an_object_that_cannot_be_read_is_an_error_before_anything_is_sent() {
    let mut list = list("configmaps", 20);
    list.entries.push(Entry::new("/broken", "{".into(), 99));
    let shape = shape("configmaps", "v1", OBJECTS, IncludeObject::default());
    let error = body(shape, list).await.unwrap_err();
    assert!(error.message.contains("cannot read /broken"), "{error:?}");
}
