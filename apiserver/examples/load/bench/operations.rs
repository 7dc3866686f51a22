//! What is measured.

use http::Method;
use serde_json::json;

use super::objects::{map, pod, review, widget};
use super::paths::{CROWD, LIST, MAP, MAPS, PODS, REVIEWS, WIDGETS};
use super::setup::Needs;

const JSON: &str = "application/json";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
const PARTIAL: &str = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";

/// A kind of request. `{}` in its path becomes a name that no other request has.
#[derive(Clone, Copy)]
pub struct Operation {
    pub name: &'static str,
    pub connections: usize,
    pub content: &'static str,
    pub accept: &'static str,
    pub needs: Needs,
    method: &'static str,
    path: &'static str,
    body: fn(&str) -> String,
    /// The path of an object that the request makes, which another request deletes.
    deleted: Option<&'static str>,
}

/// One request.
pub struct Request {
    pub method: Method,
    pub path: String,
    pub body: String,
}

impl Operation {
    const fn new(
        name: &'static str,
        connections: usize,
        method: &'static str,
        path: &'static str,
    ) -> Self {
        Self {
            name,
            connections,
            method,
            path,
            content: JSON,
            accept: JSON,
            needs: Needs::Nothing,
            body: |_| String::new(),
            deleted: None,
        }
    }

    const fn body(self, body: fn(&str) -> String) -> Self {
        Self { body, ..self }
    }

    const fn content(self, content: &'static str) -> Self {
        Self { content, ..self }
    }

    const fn accept(self, accept: &'static str) -> Self {
        Self { accept, ..self }
    }

    const fn needs(self, needs: Needs) -> Self {
        Self { needs, ..self }
    }

    /// The requests with this name, one after the other.
    pub fn requests(&self, name: &str) -> impl Iterator<Item = Request> + use<> {
        let first = Request {
            method: self.method.parse().unwrap(),
            path: self.path.replace("{}", name),
            body: (self.body)(name),
        };
        let deletion = self.deleted.map(|path| Request {
            method: Method::DELETE,
            path: path.replace("{}", name),
            body: String::new(),
        });
        [first].into_iter().chain(deletion)
    }
}

/// Everything that is measured, in order.
pub fn all() -> Vec<Operation> {
    [reads(), writes(), patches(), pods()].concat()
}

fn reads() -> Vec<Operation> {
    let new = Operation::new;
    let one = "/api/v1/namespaces/listed/pods/listed-7";
    let selected = "/api/v1/namespaces/listed/pods?labelSelector=n%3D7";
    let none = "/api/v1/namespaces/listed/pods?labelSelector=n%3Dx";
    vec![
        new("get pod", 32, "GET", one),
        new("list 500", 1, "GET", LIST),
        new("list 500, Table", 1, "GET", LIST).accept(TABLE),
        new("list 500, metadata", 1, "GET", LIST).accept(PARTIAL),
        new("list 500, one selected", 1, "GET", selected),
        new("list 500, none selected", 1, "GET", none),
        new("list 5000", 1, "GET", CROWD).needs(Needs::Crowd),
        new("list 5000, Table", 1, "GET", CROWD)
            .accept(TABLE)
            .needs(Needs::Crowd),
        new(
            "page of 500 config maps",
            1,
            "GET",
            "/api/v1/configmaps?limit=500",
        ),
        new("subject access review", 16, "POST", REVIEWS).body(review),
    ]
}

fn writes() -> Vec<Operation> {
    let new = Operation::new;
    let create = new("create config map", 16, "POST", MAPS);
    vec![
        create.body(|name| map(&format!("map-{name}"), name)),
        Operation {
            name: "create config map, 100 webhooks that do not match",
            ..create.needs(Needs::OtherWebhooks)
        }
        .body(|name| map(&format!("others-{name}"), name)),
        Operation {
            name: "create config map, one webhook",
            ..create.needs(Needs::Webhook)
        }
        .body(|name| map(&format!("hooked-{name}"), name)),
        Operation {
            name: "create config map, one writer",
            connections: 1,
            ..create.body(|name| map(&format!("alone-{name}"), name))
        },
        Operation {
            name: "create config map, one writer and one webhook",
            connections: 1,
            ..create.needs(Needs::Webhook)
        }
        .body(|name| map(&format!("alone-hooked-{name}"), name)),
        Operation {
            name: "create and delete config map",
            deleted: Some("/api/v1/namespaces/bench/configmaps/short-{}"),
            ..create
        }
        .body(|name| map(&format!("short-{name}"), name)),
        new("create custom resource", 16, "POST", WIDGETS).body(widget),
    ]
}

fn patches() -> Vec<Operation> {
    let new = Operation::new;
    let apply = "/api/v1/namespaces/bench/configmaps/applied?fieldManager=bench&force=true";
    vec![
        new("patch, JSON", 1, "PATCH", MAP)
            .body(|name| json!([{"op": "replace", "path": "/data/a", "value": name}]).to_string())
            .content("application/json-patch+json"),
        new("patch, merge", 1, "PATCH", MAP)
            .body(|name| json!({"data": {"a": name}}).to_string())
            .content("application/merge-patch+json"),
        new("patch, strategic", 1, "PATCH", MAP)
            .body(|name| json!({"data": {"a": name}}).to_string())
            .content("application/strategic-merge-patch+json"),
        new("apply", 1, "PATCH", apply)
            .body(|name| map("applied", name))
            .content("application/apply-patch+yaml"),
    ]
}

fn pods() -> Vec<Operation> {
    let new = Operation::new;
    vec![
        new("create pod, 16 connections", 16, "POST", PODS).body(|name| pod(&format!("a-{name}"))),
        new("create pod, 64 connections", 64, "POST", PODS).body(|name| pod(&format!("b-{name}"))),
        new("create pod, 300 policies", 16, "POST", PODS)
            .needs(Needs::Policies)
            .body(|name| pod(&format!("c-{name}"))),
    ]
}
