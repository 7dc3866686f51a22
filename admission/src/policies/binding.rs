//! Bindings, ready to be matched.

use k8s_openapi::api::admissionregistration::v1::{
    MutatingAdmissionPolicyBinding, ParamRef, ValidatingAdmissionPolicyBinding,
};
use portcullis_api::selector::LabelSelector;

use super::matches::Matches;

/// A compiled binding.
pub(crate) struct Binding {
    pub(crate) name: String,
    /// The name of the policy.
    pub(crate) policy: String,
    /// The actions on a denial; empty for policies that change objects.
    pub(crate) actions: Vec<String>,
    /// The match constraints; `None` for those of the policy.
    pub(crate) matches: Option<Matches>,
    pub(crate) params: Option<Params>,
}

/// The parameters of a binding.
pub(crate) struct Params {
    /// Empty for the namespace of the object.
    pub(crate) namespace: String,
    pub(crate) wanted: Wanted,
    /// Whether requests are denied if there are none.
    pub(crate) required: bool,
}

/// One object, or a selection.
pub(crate) enum Wanted {
    Name(String),
    Selected(LabelSelector),
}

impl From<&ValidatingAdmissionPolicyBinding> for Binding {
    fn from(binding: &ValidatingAdmissionPolicyBinding) -> Self {
        let spec = &binding.spec;
        Self {
            name: binding.metadata.name.clone().unwrap_or_default(),
            policy: spec.policy_name.clone(),
            actions: spec.validation_actions.clone(),
            matches: spec.match_resources.as_ref().map(Matches::new),
            params: spec.param_ref.as_ref().map(Params::new),
        }
    }
}

impl From<&MutatingAdmissionPolicyBinding> for Binding {
    fn from(binding: &MutatingAdmissionPolicyBinding) -> Self {
        let spec = binding.spec.clone().unwrap_or_default();
        Self {
            name: binding.metadata.name.clone().unwrap_or_default(),
            policy: spec.policy_name.unwrap_or_default(),
            actions: Vec::new(),
            matches: spec.match_resources.as_ref().map(Matches::new),
            params: spec.param_ref.as_ref().map(Params::new),
        }
    }
}

impl Params {
    fn new(reference: &ParamRef) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let name = text(&reference.name);
        let wanted = match name.is_empty() {
            false => Wanted::Name(name),
            true => Wanted::Selected(LabelSelector::of(reference.selector.as_ref())),
        };
        Self {
            namespace: text(&reference.namespace),
            wanted,
            required: reference.parameter_not_found_action.as_deref() == Some("Deny"),
        }
    }
}
