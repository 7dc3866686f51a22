//! Objects of the API, and the cluster that follows their changes.

use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_netpol::nft::Compiler;
use portcullis_netpol::{Cluster, Name, Policy};

/// The stored objects, and the cluster that follows them.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) namespaces: Vec<Namespace>,
    pub(crate) pods: Vec<Pod>,
    pub(crate) policies: Vec<NetworkPolicy>,
    pub(crate) cluster: Cluster,
    /// Follow all changes as well.
    pub(crate) compilers: Vec<Compiler>,
}

pub(crate) fn name_of(meta: &ObjectMeta) -> Name {
    Name {
        namespace: meta.namespace.clone().unwrap_or_default(),
        name: meta.name.clone().unwrap_or_default(),
    }
}

fn put<T>(list: &mut Vec<T>, object: T, meta: impl Fn(&T) -> &ObjectMeta) {
    let name = name_of(meta(&object));
    match list.iter().position(|other| name_of(meta(other)) == name) {
        Some(at) => list[at] = object,
        None => list.push(object),
    }
}

impl World {
    pub(crate) fn put_namespace(&mut self, namespace: Namespace) {
        let meta = namespace.metadata.clone();
        let labels = meta.labels.unwrap_or_default();
        let name = meta.name.unwrap();
        for compiler in &mut self.compilers {
            compiler.put_namespace(&name, labels.clone());
        }
        self.cluster.put_namespace(&name, labels);
        put(&mut self.namespaces, namespace, |n| &n.metadata);
    }

    pub(crate) fn put_pod(&mut self, pod: Pod) {
        let read = portcullis_netpol::Pod::of(&pod);
        for compiler in &mut self.compilers {
            compiler.put_pod(read.clone());
        }
        self.cluster.put_pod(read);
        put(&mut self.pods, pod, |p| &p.metadata);
    }

    pub(crate) fn put_policy(&mut self, policy: NetworkPolicy) {
        let read = Policy::of(&policy);
        for compiler in &mut self.compilers {
            compiler.put_policy(read.clone());
        }
        self.cluster.put_policy(read);
        put(&mut self.policies, policy, |p| &p.metadata);
    }

    pub(crate) fn remove_policy(&mut self, name: &Name) {
        for compiler in &mut self.compilers {
            compiler.remove_policy(name);
        }
        self.cluster.remove_policy(name);
        self.policies
            .retain(|policy| name_of(&policy.metadata) != *name);
    }

    pub(crate) fn remove_pod(&mut self, name: &Name) {
        for compiler in &mut self.compilers {
            compiler.remove_pod(name);
        }
        self.cluster.remove_pod(name);
        self.pods.retain(|pod| name_of(&pod.metadata) != *name);
    }

    /// A compiler with the whole world, not compiled yet.
    pub(crate) fn compiler(&self, node: &str, closed: &[ipnet::IpNet]) -> Compiler {
        let mut compiler = Compiler::new(node, closed);
        for namespace in &self.namespaces {
            let meta = namespace.metadata.clone();
            let labels = meta.labels.unwrap_or_default();
            compiler.put_namespace(&meta.name.unwrap(), labels);
        }
        for pod in &self.pods {
            compiler.put_pod(portcullis_netpol::Pod::of(pod));
        }
        for policy in &self.policies {
            compiler.put_policy(Policy::of(policy));
        }
        compiler
    }

    /// A compiler with the whole world compiled, which follows later changes.
    pub(crate) fn follow(&mut self, node: &str, closed: &[ipnet::IpNet]) -> &mut Compiler {
        let mut compiler = self.compiler(node, closed);
        compiler.changes();
        self.compilers.push(compiler);
        self.compilers.last_mut().unwrap()
    }

    /// Gives every namespace the label that servers set.
    pub(crate) fn label_namespaces_with_names(&mut self) {
        for mut namespace in self.namespaces.clone() {
            let name = namespace.metadata.name.clone().unwrap();
            let labels = namespace.metadata.labels.get_or_insert_default();
            labels.insert("kubernetes.io/metadata.name".into(), name);
            self.put_namespace(namespace);
        }
    }
}
