//! The services that a change affects.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use k8s_openapi::api::core::v1::{Pod, Service};

use super::is_selecting;
use super::member::Member;
use crate::follow::News;

type Labels = BTreeMap<String, String>;

/// The state of services and pods: enough to find the services that a change affects.
#[derive(Default)]
pub(super) struct Known {
    /// The selectors of services, by namespace and name.
    services: HashMap<String, HashMap<String, Labels>>,
    pods: HashMap<(String, String), Facts>,
}

/// A pod's labels, and a digest of the fields that are published.
#[derive(PartialEq, Eq)]
struct Facts {
    labels: Labels,
    digest: u64,
}

impl Known {
    /// The keys of the services that an event of a service affects.
    pub(super) fn service(&mut self, news: News<Service>) -> Vec<String> {
        let seen = match news {
            News::Of(seen) => seen,
            News::Anew => {
                let known = std::mem::take(&mut self.services);
                let keys = known.iter().flat_map(|(namespace, services)| {
                    services.keys().map(move |name| key(namespace, name))
                });
                return keys.collect();
            }
        };
        let service = seen.object;
        let namespace = service.metadata.namespace.clone().unwrap_or_default();
        let name = service.metadata.name.clone().unwrap_or_default();
        let due = vec![key(&namespace, &name)];
        let of_namespace = self.services.entry(namespace.clone()).or_default();
        if !seen.gone && is_selecting(&service) {
            let selector = service.spec.and_then(|spec| spec.selector);
            of_namespace.insert(name, selector.unwrap_or_default());
            return due;
        }
        let was_selecting = of_namespace.remove(&name).is_some();
        if of_namespace.is_empty() {
            self.services.remove(&namespace);
        }
        match was_selecting {
            true => due,
            false => Vec::new(),
        }
    }

    /// The keys of the services that an event of a pod affects.
    pub(super) fn pod(&mut self, news: News<Pod>) -> Vec<String> {
        let seen = match news {
            News::Of(seen) => seen,
            News::Anew => {
                let known = std::mem::take(&mut self.pods);
                let due = known
                    .iter()
                    .flat_map(|((namespace, _), facts)| self.selecting(namespace, [&facts.labels]));
                return due.collect();
            }
        };
        let pod = &seen.object;
        let namespace = pod.metadata.namespace.clone().unwrap_or_default();
        let place = (
            namespace.clone(),
            pod.metadata.name.clone().unwrap_or_default(),
        );
        let now = (!seen.gone).then(|| Facts {
            labels: pod.metadata.labels.clone().unwrap_or_default(),
            digest: digest(&Member::of(pod)),
        });
        let before = self.pods.remove(&place);
        let due = match before == now {
            true => Vec::new(),
            false => {
                let labels = before.iter().chain(&now).map(|facts| &facts.labels);
                self.selecting(&namespace, labels)
            }
        };
        if let Some(now) = now {
            self.pods.insert(place, now);
        }
        due
    }

    /// The service of a written object, if it is to be processed.
    pub(super) fn written(&self, namespace: &str, service: Option<String>) -> Vec<String> {
        let known = self.services.get(namespace);
        let service = service.filter(|name| known.is_some_and(|known| known.contains_key(name)));
        service
            .map(|name| key(namespace, &name))
            .into_iter()
            .collect()
    }

    fn selecting<'l>(
        &self,
        namespace: &str,
        pods: impl IntoIterator<Item = &'l Labels>,
    ) -> Vec<String> {
        let pods: Vec<_> = pods.into_iter().collect();
        let selects = |selector: &Labels| {
            let all = |pod: &&&Labels| selector.iter().all(|(k, v)| pod.get(k) == Some(v));
            pods.iter().any(|pod| all(&pod))
        };
        let services = self.services.get(namespace).into_iter().flatten();
        let selecting = services.filter(|(_, selector)| selects(selector));
        selecting.map(|(name, _)| key(namespace, name)).collect()
    }
}

fn key(namespace: &str, name: &str) -> String {
    format!("{namespace}/{name}")
}

fn digest(member: &Member) -> u64 {
    let mut hasher = DefaultHasher::new();
    member.hash(&mut hasher);
    hasher.finish()
}
