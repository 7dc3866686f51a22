//! `networking.k8s.io/v1beta1` and `extensions/v1beta1`, which name a backend in fewer words than `v1`.
//!
//! Upstream: `pkg/apis/networking/v1beta1` and `pkg/apis/extensions/v1beta1`, conversion.go and defaults.go.

#![allow(
    clippy::doc_markdown,
    reason = "`kubectl explain` prints these comments, and knows no Markdown"
)]

use k8s_openapi::api::core::v1::TypedLocalObjectReference;
use k8s_openapi::api::networking::v1 as stored;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
#[cfg(feature = "schemas")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::version::{Version, kind};

/// What paths match by if they do not say.
const PATH_TYPE: &str = "ImplementationSpecific";

/// Which requests from outside go to which services.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.networking.v1beta1.Ingress")
)]
pub struct Ingress {
    /// Name, labels, annotations.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: Option<IngressSpec>,
    /// Where the ingress is reached.
    pub status: Option<stored::IngressStatus>,
}

kind!(
    Ingress,
    "networking.k8s.io",
    "v1beta1",
    "ingresses",
    NamespaceResourceScope
);

/// Which requests go where.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.networking.v1beta1.IngressSpec")
)]
pub struct IngressSpec {
    /// The class of the controllers that see to it.
    pub ingress_class_name: Option<String>,
    /// Where requests go that match no rule.
    pub backend: Option<IngressBackend>,
    /// For which hosts TLS ends here, and with which certificates.
    pub tls: Option<Vec<stored::IngressTLS>>,
    /// The rules, by host.
    pub rules: Option<Vec<IngressRule>>,
}

/// The rule of a host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.networking.v1beta1.IngressRule")
)]
pub struct IngressRule {
    /// The host; all if not given.
    pub host: Option<String>,
    /// The paths of the host.
    pub http: Option<HTTPIngressRuleValue>,
}

/// The paths of a host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.networking.v1beta1.HTTPIngressRuleValue")
)]
pub struct HTTPIngressRuleValue {
    /// Each path with its backend.
    pub paths: Vec<HTTPIngressPath>,
}

/// A path with its backend.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.networking.v1beta1.HTTPIngressPath")
)]
pub struct HTTPIngressPath {
    /// The path; all if not given.
    pub path: Option<String>,
    /// How it matches: Exact, Prefix or ImplementationSpecific, which is the default.
    pub path_type: Option<String>,
    /// Where requests go.
    pub backend: IngressBackend,
}

/// Where requests go: to a service or to another object of the namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(JsonSchema))]
#[serde(default, rename_all = "camelCase")]
#[cfg_attr(
    feature = "schemas",
    schemars(rename = "io.k8s.api.networking.v1beta1.IngressBackend")
)]
pub struct IngressBackend {
    /// The name of the service.
    pub service_name: Option<String>,
    /// Its port, by name or number.
    pub service_port: Option<IntOrString>,
    /// The object, if it is no service.
    pub resource: Option<TypedLocalObjectReference>,
}

/// The versions with short backends.
pub struct V1Beta1;

impl Version for V1Beta1 {
    type Stored = stored::Ingress;
    type Served = Ingress;

    fn to_stored(served: &Ingress) -> stored::Ingress {
        stored::Ingress {
            metadata: served.metadata.clone(),
            spec: served.spec.as_ref().map(|spec| stored::IngressSpec {
                ingress_class_name: spec.ingress_class_name.clone(),
                default_backend: spec.backend.as_ref().map(stored_backend),
                tls: spec.tls.clone(),
                rules: each(spec.rules.as_ref(), stored_rule),
            }),
            status: served.status.clone(),
        }
    }

    fn to_served(stored: &stored::Ingress) -> Ingress {
        Ingress {
            metadata: stored.metadata.clone(),
            spec: stored.spec.as_ref().map(|spec| IngressSpec {
                ingress_class_name: spec.ingress_class_name.clone(),
                backend: spec.default_backend.as_ref().map(served_backend),
                tls: spec.tls.clone(),
                rules: each(spec.rules.as_ref(), served_rule),
            }),
            status: stored.status.clone(),
        }
    }
}

fn each<A, B>(items: Option<&Vec<A>>, convert: fn(&A) -> B) -> Option<Vec<B>> {
    items.map(|items| items.iter().map(convert).collect())
}

fn stored_rule(served: &IngressRule) -> stored::IngressRule {
    let http = |http: &HTTPIngressRuleValue| stored::HTTPIngressRuleValue {
        paths: http.paths.iter().map(stored_path).collect(),
    };
    stored::IngressRule {
        host: served.host.clone(),
        http: served.http.as_ref().map(http),
    }
}

fn served_rule(stored: &stored::IngressRule) -> IngressRule {
    let http = |http: &stored::HTTPIngressRuleValue| HTTPIngressRuleValue {
        paths: http.paths.iter().map(served_path).collect(),
    };
    IngressRule {
        host: stored.host.clone(),
        http: stored.http.as_ref().map(http),
    }
}

fn stored_path(served: &HTTPIngressPath) -> stored::HTTPIngressPath {
    let path_type = served.path_type.clone();
    stored::HTTPIngressPath {
        path: served.path.clone(),
        path_type: path_type.unwrap_or_else(|| PATH_TYPE.to_owned()),
        backend: stored_backend(&served.backend),
    }
}

fn served_path(stored: &stored::HTTPIngressPath) -> HTTPIngressPath {
    HTTPIngressPath {
        path: stored.path.clone(),
        path_type: Some(stored.path_type.clone()),
        backend: served_backend(&stored.backend),
    }
}

/// A name or a port, even an empty name, makes it a service.
fn stored_backend(served: &IngressBackend) -> stored::IngressBackend {
    let name = served.service_name.clone().filter(|name| !name.is_empty());
    let port = served.service_port.clone();
    let port = port.filter(|port| *port != IntOrString::Int(0));
    let is_service = name.is_some() || port.is_some();
    stored::IngressBackend {
        service: is_service.then(|| stored::IngressServiceBackend {
            name: name.unwrap_or_default(),
            port: Some(match port {
                Some(IntOrString::String(name)) => stored::ServiceBackendPort {
                    name: Some(name).filter(|name| !name.is_empty()),
                    number: None,
                },
                Some(IntOrString::Int(number)) => stored::ServiceBackendPort {
                    name: None,
                    number: Some(number),
                },
                None => stored::ServiceBackendPort::default(),
            }),
        }),
        resource: served.resource.clone(),
    }
}

fn served_backend(stored: &stored::IngressBackend) -> IngressBackend {
    let service = stored.service.as_ref();
    let port = |service: &stored::IngressServiceBackend| {
        let port = service.port.clone().unwrap_or_default();
        let name = port.name.filter(|name| !name.is_empty());
        let number = IntOrString::Int(port.number.unwrap_or_default());
        name.map_or(number, IntOrString::String)
    };
    IngressBackend {
        service_name: service.map(|service| service.name.clone()),
        service_port: Some(service.map_or(IntOrString::Int(0), port)),
        resource: stored.resource.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn backends_are_services_by_name_or_port_and_come_back() {
        let served: Ingress = serde_json::from_value(json!({
            "metadata": {"name": "i"},
            "spec": {"backend": {"serviceName": "all", "servicePort": 80},
                "rules": [{"host": "h", "http": {"paths": [
                    {"path": "/", "pathType": "ImplementationSpecific",
                        "backend": {"serviceName": "s", "servicePort": "http"}},
                    {"pathType": "Exact", "backend": {"servicePort": 0,
                        "resource": {"kind": "Bucket", "name": "b"}}}]}}]},
        }))
        .unwrap();
        let stored = V1Beta1::to_stored(&served);
        let spec = stored.spec.clone().unwrap();
        let default = spec.default_backend.unwrap().service.unwrap();
        assert_eq!(default.port.unwrap().number, Some(80));
        let paths = &spec.rules.unwrap()[0].http.clone().unwrap().paths;
        let port = paths[0].backend.service.clone().unwrap().port.unwrap();
        assert_eq!((port.name.as_deref(), port.number), (Some("http"), None));
        assert_eq!(paths[1].backend.service, None);
        assert_eq!(V1Beta1::to_served(&stored), served);
    }

    #[test]
    fn a_path_that_does_not_say_matches_as_its_controller_likes() {
        let path = stored_path(&HTTPIngressPath::default());
        assert_eq!(path.path_type, PATH_TYPE);
        assert_eq!(path.backend, stored::IngressBackend::default());
    }
}
