//! Fields of other managers that an apply would change.
//!
//! Upstream: `k8s.io/apimachinery/pkg/util/managedfields/internal/conflict.go`.

use portcullis_api::Status;
use portcullis_api::status::{Cause, Details, Reason};

use super::changes::Changes;
use super::field_set::FieldSet;
use super::managed::{Managed, Operation, Owner};

/// The owners of the fields that an apply would change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conflicts(Vec<(Owner, FieldSet)>);

impl Conflicts {
    /// The conflicts of a change with all other owners.
    pub(super) fn of(changes: &Changes, managed: &Managed, owner: &Owner) -> Self {
        let others = managed.0.iter().filter(|(other, _)| *other != owner);
        let conflicts = others.map(|(other, owned)| {
            let changed = changes.in_version(&owned.api_version);
            (other.clone(), owned.fields.intersection(&changed.set))
        });
        Self(conflicts.filter(|(_, fields)| !fields.is_empty()).collect())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The conflicts outside these fields.
    #[must_use]
    pub fn except(mut self, allowed: &FieldSet) -> Self {
        for (_, fields) in &mut self.0 {
            fields.subtract(allowed);
        }
        self.0.retain(|(_, fields)| !fields.is_empty());
        self
    }
}

impl From<Conflicts> for Status {
    fn from(conflicts: Conflicts) -> Self {
        let mut causes = Vec::new();
        let mut lines = Vec::new();
        for (owner, fields) in &conflicts.0 {
            let paths = fields.paths();
            lines.push(format!("conflicts with {}:", described(owner)));
            lines.extend(paths.iter().map(|path| format!("- {path}")));
            causes.extend(paths.into_iter().map(|field| Cause {
                reason: "FieldManagerConflict".into(),
                message: format!("conflict with {}", described(owner)),
                field,
            }));
        }
        let message = match causes.as_slice() {
            [only] => format!(
                "Apply failed with 1 conflict: {}: {}",
                only.message, only.field
            ),
            all => format!(
                "Apply failed with {} conflicts: {}",
                all.len(),
                lines.join("\n")
            ),
        };
        Self::failure(Reason::Conflict, message).with_details(Details {
            causes,
            ..Details::default()
        })
    }
}

fn described(owner: &Owner) -> String {
    let mut text = portcullis_api::field_error::go_quote(&owner.manager);
    if !owner.subresource.is_empty() {
        text.push_str(&format!(" with subresource {:?}", owner.subresource));
    }
    if owner.operation == Operation::Update {
        text.push_str(&format!(" using {}", owner.version));
    }
    text
}
