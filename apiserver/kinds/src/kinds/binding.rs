//! Bindings of pods to nodes: carried out, not stored (see `endpoints/binding.rs`).

use k8s_openapi::api::core::v1::Binding;

use crate::strategy::Strategy;

/// The rules of bindings.
pub struct BindingStrategy;

impl Strategy for BindingStrategy {
    type Kind = Binding;
}
