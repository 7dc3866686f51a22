//! The interface through which the server keeps policies up to date.

use std::fmt;
use std::sync::Arc;

use k8s_openapi::api::admissionregistration::v1::{
    MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
};

use super::binding::Binding;
use super::compiled::Policy;
use super::index::Index;
use super::mutating::MutatingPolicy;

/// Keeps one kind of policies, and their bindings.
pub trait Policies: Send + Sync + 'static {
    /// The kind of policies.
    type Policy;
    /// The kind of bindings.
    type Binding;

    /// Replaces all policies.
    fn replace_policies(&self, policies: &[Arc<Self::Policy>]);
    /// Adds a policy, or replaces the one of that name.
    fn put_policy(&self, policy: &Self::Policy);
    /// Removes a policy.
    fn delete_policy(&self, name: &str);
    /// Replaces all bindings.
    fn replace_bindings(&self, bindings: &[Arc<Self::Binding>]);
    /// Adds a binding, or replaces the one of that name.
    fn put_binding(&self, binding: &Self::Binding);
    /// Removes a binding.
    fn delete_binding(&self, name: &str);
}

macro_rules! policies {
    ($(#[$doc:meta])* $name:ident, $compiled:ident, $policy:ident, $binding:ident) => {
        $(#[$doc])*
        #[derive(Default)]
        pub struct $name(pub(crate) Index<$compiled>);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }

        impl Policies for $name {
            type Policy = $policy;
            type Binding = $binding;

            fn replace_policies(&self, policies: &[Arc<$policy>]) {
                let named = policies.iter().map(|policy| {
                    let name = policy.metadata.name.clone().unwrap_or_default();
                    (name, policy.spec.as_ref())
                });
                self.0.replace_policies(named);
            }

            fn put_policy(&self, policy: &$policy) {
                let name = policy.metadata.name.as_deref().unwrap_or_default();
                self.0.put_policy(name, policy.spec.as_ref());
            }

            fn delete_policy(&self, name: &str) {
                self.0.delete_policy(name);
            }

            fn replace_bindings(&self, bindings: &[Arc<$binding>]) {
                let bindings = bindings.iter().map(|binding| Binding::from(&**binding));
                self.0.replace_bindings(bindings);
            }

            fn put_binding(&self, binding: &$binding) {
                self.0.put_binding(Binding::from(binding));
            }

            fn delete_binding(&self, name: &str) {
                self.0.delete_binding(name);
            }
        }
    };
}

policies!(
    /// The policies that check objects.
    ValidatingPolicies,
    Policy,
    ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding
);
policies!(
    /// The policies that change objects.
    MutatingPolicies,
    MutatingPolicy,
    MutatingAdmissionPolicy,
    MutatingAdmissionPolicyBinding
);
