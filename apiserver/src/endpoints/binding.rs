//! POST to `pods/binding`: assigning a pod to its node, as schedulers do.
//!
//! Upstream: `pkg/registry/core/pod/storage/storage.go` (`BindingREST`).

use async_trait::async_trait;
use k8s_openapi::api::core::v1::{Binding, Pod, PodCondition};
use portcullis_api::{
    ErrorList, FieldError, GroupKind, GroupResource, Object, ObjectType, Path, Status,
};

use super::body::{self, Expected, Incoming};
use super::call::Call;
use crate::response::{self, Response};
use portcullis_kinds::table;
use portcullis_registry::Scope;
use portcullis_registry::current::Current;
use portcullis_registry::update::Change;

static BINDING: ObjectType = ObjectType::of::<Binding>();
const KIND: GroupKind<'_> = GroupKind {
    group: "",
    kind: "Binding",
};

/// A pod with its node.
struct Bound<'b>(&'b Binding);

#[async_trait]
impl Change for Bound<'_> {
    async fn apply(&self, current: Option<&Current>) -> Result<Box<dyn Object>, Status> {
        let name = self.0.metadata.name.as_deref().unwrap_or_default();
        let pods = GroupResource {
            group: "",
            resource: "pods",
        };
        let found = current.and_then(|c| c.object.as_kind::<Pod>());
        let mut pod = found
            .cloned()
            .ok_or_else(|| Status::not_found(pods, name))?;
        let taken = |why: String| {
            Status::conflict(
                GroupResource {
                    group: "",
                    resource: "pods/binding",
                },
                name,
                &why,
            )
        };
        if pod.metadata.deletion_timestamp.is_some() {
            return Err(taken(format!(
                "pod {name} is being deleted, cannot be assigned to a host"
            )));
        }
        let spec = pod.spec.get_or_insert_default();
        if let Some(node) = spec.node_name.as_deref().filter(|n| !n.is_empty()) {
            return Err(taken(format!(
                "pod {name} is already assigned to node {node:?}"
            )));
        }
        spec.node_name.clone_from(&self.0.target.name);
        if let Some(annotations) = &self.0.metadata.annotations {
            pod.metadata
                .annotations
                .get_or_insert_default()
                .extend(annotations.clone());
        }
        schedule(&mut pod);
        Ok(Box::new(pod))
    }
}

/// Sets the pod's condition that it is scheduled.
fn schedule(pod: &mut Pod) {
    let conditions = pod
        .status
        .get_or_insert_default()
        .conditions
        .get_or_insert_default();
    conditions.retain(|c| c.type_ != "PodScheduled");
    conditions.push(PodCondition {
        type_: "PodScheduled".into(),
        status: "True".into(),
        last_transition_time: Some(portcullis_kinds::time::now()),
        ..PodCondition::default()
    });
}

/// Binds a pod.
///
/// # Errors
/// 409 for a pod that has a node, 422 for a binding to nothing.
pub async fn create(call: &Call<'_>, body: &mut Incoming) -> Result<Response, Status> {
    let (dry_run, validation) = call.query.write_options("CreateOptions")?;
    let bytes = body::read(body).await?;
    let expected = Expected {
        kind: "Binding",
        api_version: "v1",
        reader: body::Reader::Type(&BINDING),
    };
    let read = call.read(&bytes, expected, validation)?;
    let binding = of_kind(read.object.as_ref());
    // below `bindings` only the body names the pod
    let named = Some(call.scope.name).filter(|name| !name.is_empty());
    let pod = binding.metadata.name.clone().unwrap_or_default();
    if named.is_some_and(|name| name != pod) {
        return Err(Status::bad_request(
            "name in URL does not match name in Binding object",
        ));
    }
    validate(&binding)?;
    if pod.is_empty() {
        return Err(Status::bad_request("Name parameter required."));
    }
    let reviewed = Scope {
        name: &pod,
        ..call.writing(dry_run)
    };
    let registry = &call.api.registry;
    let admitted = registry
        .admit_action(&reviewed, KIND, &BINDING, Box::new(binding))
        .await?;
    let pods = Scope {
        resource: table::PODS,
        subresource: "binding",
        is_admitted: true,
        ..reviewed
    };
    let binding = of_kind(admitted.as_ref());
    registry.update(&pods, &Bound(&binding)).await?;
    Ok(response::status(&Status::created()))
}

fn of_kind(object: &dyn Object) -> Binding {
    object.as_kind::<Binding>().cloned().unwrap_or_default()
}

/// Upstream: `ValidatePodBinding`.
fn validate(binding: &Binding) -> Result<(), Status> {
    let path = Path::new("target");
    let mut errors = ErrorList::new();
    let kind = binding.target.kind.as_deref().unwrap_or_default();
    if !matches!(kind, "" | "Node") {
        errors.push(FieldError::not_supported(
            &path.child("kind"),
            kind,
            &["Node", "<empty>"],
        ));
    }
    if binding
        .target
        .name
        .as_deref()
        .unwrap_or_default()
        .is_empty()
    {
        errors.push(FieldError::required(&path.child("name"), ""));
    }
    if errors.is_empty() {
        return Ok(());
    }
    let name = binding.metadata.name.as_deref().unwrap_or_default();
    Err(Status::invalid(KIND, name, &errors))
}
