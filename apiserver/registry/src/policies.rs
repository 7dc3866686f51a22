//! Admission policies and their bindings, fed to admission's index.

use std::sync::Arc;

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use portcullis_admission::policies::ValidatingPolicies;
use portcullis_kinds::table;
use portcullis_storage::cache::Cache;

use crate::informer::{Sink, feed};

/// Keeps policies up to date, from now on.
pub fn start(cache: &Cache, prefix: &str, policies: &Arc<ValidatingPolicies>) {
    let sink = Arc::new(Validating(policies.clone()));
    let (policies, bindings) = (
        table::VALIDATING_ADMISSION_POLICIES,
        table::VALIDATING_ADMISSION_POLICY_BINDINGS,
    );
    feed::<ValidatingAdmissionPolicy>(cache, prefix, policies, sink.clone());
    feed::<ValidatingAdmissionPolicyBinding>(cache, prefix, bindings, sink);
}

struct Validating(Arc<ValidatingPolicies>);

impl Sink<ValidatingAdmissionPolicy> for Validating {
    fn reset(&self, objects: Vec<Arc<ValidatingAdmissionPolicy>>) {
        self.0.replace_policies(objects.iter().map(Arc::as_ref));
    }

    fn put(&self, object: Arc<ValidatingAdmissionPolicy>) {
        self.0.put_policy(&object);
    }

    fn delete(&self, _namespace: &str, name: &str) {
        self.0.delete_policy(name);
    }
}

impl Sink<ValidatingAdmissionPolicyBinding> for Validating {
    fn reset(&self, objects: Vec<Arc<ValidatingAdmissionPolicyBinding>>) {
        self.0.replace_bindings(objects.iter().map(Arc::as_ref));
    }

    fn put(&self, object: Arc<ValidatingAdmissionPolicyBinding>) {
        self.0.put_binding(&object);
    }

    fn delete(&self, _namespace: &str, name: &str) {
        self.0.delete_binding(name);
    }
}
