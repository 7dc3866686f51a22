//! The health of a control plane's components, which is not stored.

use k8s_openapi::api::core::v1::ComponentStatus;

use crate::strategy::{Cell, Column, Strategy};
use crate::validation::{list, text};

/// The columns of components (upstream: `printComponentStatus` in
/// `pkg/printers/internalversion/printers.go`).
pub struct ComponentStatusStrategy;

impl Strategy for ComponentStatusStrategy {
    type Kind = ComponentStatus;

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 4] = [
            Column::NAME,
            Column::text("Status", "Whether the component is well."),
            Column::text("Message", "What it says of itself."),
            Column::text("Error", "Why it could not be asked."),
        ];
        &COLUMNS
    }

    fn cells(&self, component: &ComponentStatus) -> Vec<Cell> {
        let mut conditions = list(component.conditions.as_ref()).iter();
        let healthy = conditions.find(|c| c.type_ == "Healthy");
        let state = match healthy.map(|c| c.status.as_str()) {
            Some("True") => "Healthy",
            Some(_) => "Unhealthy",
            None => "Unknown",
        };
        vec![
            Cell::name(component),
            Cell::text(state),
            Cell::text(text(healthy.and_then(|c| c.message.as_ref()))),
            Cell::text(text(healthy.and_then(|c| c.error.as_ref()))),
        ]
    }
}
