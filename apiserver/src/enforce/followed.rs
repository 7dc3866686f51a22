//! The objects of the server that are followed.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_netpol::nft::Compiler;
use portcullis_netpol::{Name, Policy};

/// An event of a list or a watch.
pub(super) enum Event<T> {
    /// The complete list.
    Replaced(Vec<T>),
    /// An object was created or changed.
    Put(Box<T>),
    /// It was removed.
    Removed(Box<T>),
}

/// An event of one of the kinds.
pub(super) enum News {
    Namespace(Event<Namespace>),
    Pod(Event<Pod>),
    Policy(Event<NetworkPolicy>),
}

/// A node's table that is updated by events of the cluster.
pub(super) struct Followed {
    pub(super) compiler: Compiler,
    listed: [bool; 3],
}

impl Followed {
    pub(super) const fn new(compiler: Compiler) -> Self {
        Self {
            compiler,
            listed: [false; 3],
        }
    }

    /// Whether every kind has been listed once.
    pub(super) fn is_complete(&self) -> bool {
        self.listed.iter().all(|listed| *listed)
    }

    pub(super) fn apply(&mut self, news: News) {
        match news {
            News::Namespace(event) => self.namespace(event),
            News::Pod(event) => self.pod(event),
            News::Policy(event) => self.policy(event),
        }
    }

    fn namespace(&mut self, event: Event<Namespace>) {
        let compiler = &mut self.compiler;
        match event {
            Event::Replaced(all) => {
                self.listed[0] = true;
                let there: BTreeSet<_> = all.iter().map(|n| name_of(&n.metadata).name).collect();
                let known = compiler.cluster().namespaces();
                let known: Vec<_> = known.map(str::to_owned).collect();
                for gone in known.iter().filter(|name| !there.contains(*name)) {
                    compiler.remove_namespace(gone);
                }
                for one in all {
                    put_namespace(compiler, one);
                }
            }
            Event::Put(one) => put_namespace(compiler, *one),
            Event::Removed(one) => compiler.remove_namespace(&name_of(&one.metadata).name),
        }
    }

    fn pod(&mut self, event: Event<Pod>) {
        let compiler = &mut self.compiler;
        let put = |compiler: &mut Compiler, one: &Pod| {
            compiler.put_pod(portcullis_netpol::Pod::of(one));
        };
        match event {
            Event::Replaced(all) => {
                self.listed[1] = true;
                let there: BTreeSet<_> = all.iter().map(|one| name_of(&one.metadata)).collect();
                let known = compiler.cluster().pods();
                let known: Vec<_> = known.map(|pod| pod.name.clone()).collect();
                for gone in known.iter().filter(|name| !there.contains(*name)) {
                    compiler.remove_pod(gone);
                }
                for one in &all {
                    put(compiler, one);
                }
            }
            Event::Put(one) => put(compiler, &one),
            Event::Removed(one) => compiler.remove_pod(&name_of(&one.metadata)),
        }
    }

    fn policy(&mut self, event: Event<NetworkPolicy>) {
        let compiler = &mut self.compiler;
        match event {
            Event::Replaced(all) => {
                self.listed[2] = true;
                let there: BTreeSet<_> = all.iter().map(|one| name_of(&one.metadata)).collect();
                let known = compiler.cluster().policies();
                let known: Vec<_> = known.map(|policy| policy.name.clone()).collect();
                for gone in known.iter().filter(|name| !there.contains(*name)) {
                    compiler.remove_policy(gone);
                }
                for one in &all {
                    compiler.put_policy(Policy::of(one));
                }
            }
            Event::Put(one) => compiler.put_policy(Policy::of(&one)),
            Event::Removed(one) => compiler.remove_policy(&name_of(&one.metadata)),
        }
    }
}

fn put_namespace(compiler: &mut Compiler, namespace: Namespace) {
    let name = name_of(&namespace.metadata).name;
    compiler.put_namespace(&name, namespace.metadata.labels.unwrap_or_default());
}

fn name_of(meta: &ObjectMeta) -> Name {
    Name {
        namespace: meta.namespace.clone().unwrap_or_default(),
        name: meta.name.clone().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str) -> Pod {
        serde_json::from_value(json!({"metadata": {"namespace": "n", "name": name}})).unwrap()
    }

    fn policy(name: &str) -> NetworkPolicy {
        serde_json::from_value(json!({"metadata": {"namespace": "n", "name": name}})).unwrap()
    }

    fn namespace(name: &str) -> Namespace {
        let meta = json!({"name": name, "labels": {"of": name}});
        serde_json::from_value(json!({"metadata": meta})).unwrap()
    }

    /// Objects that were deleted between watches disappear with the next list.
    #[test]
    fn a_list_is_all_there_is() {
        let mut followed = Followed::new(Compiler::new("node", &[]));
        followed.apply(News::Pod(Event::Replaced(vec![pod("a"), pod("b")])));
        followed.apply(News::Policy(Event::Replaced(vec![policy("a")])));
        assert!(!followed.is_complete());
        followed.apply(News::Namespace(Event::Replaced(vec![
            namespace("n"),
            namespace("m"),
        ])));
        assert!(followed.is_complete());
        followed.apply(News::Pod(Event::Put(Box::new(pod("c")))));
        followed.apply(News::Pod(Event::Removed(Box::new(pod("a")))));
        followed.apply(News::Pod(Event::Replaced(vec![pod("c"), pod("d")])));
        followed.apply(News::Policy(Event::Replaced(Vec::new())));
        followed.apply(News::Namespace(Event::Replaced(vec![namespace("n")])));
        let cluster = followed.compiler.cluster();
        let names = cluster.pods().map(|pod| pod.name.name.as_str());
        assert_eq!(names.collect::<Vec<_>>(), ["c", "d"]);
        assert_eq!(cluster.policies().count(), 0);
        assert_eq!(cluster.namespaces().collect::<Vec<_>>(), ["n"]);
    }
}
