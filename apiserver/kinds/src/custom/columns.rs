//! The Tables of custom kinds.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceColumnDefinition, CustomResourceDefinitionVersion,
};
use portcullis_schema::{Cell as Found, Column as Path, ParseError};
use serde_json::Value;

use crate::strategy::{Cell, ColumnView};

/// Upstream's description of the default column.
const CREATED: &str = "CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";

/// A column of a definition.
#[derive(Debug)]
pub(super) struct PrinterColumn {
    name: String,
    kind: String,
    format: String,
    description: String,
    priority: i32,
    path: Path,
}

impl PrinterColumn {
    /// The columns of a version after the name: the age, if it defines none.
    pub(super) fn all(version: &CustomResourceDefinitionVersion) -> Result<Vec<Self>, ParseError> {
        let age = [CustomResourceColumnDefinition {
            name: "Age".to_owned(),
            type_: "date".to_owned(),
            json_path: ".metadata.creationTimestamp".to_owned(),
            description: Some(CREATED.to_owned()),
            ..CustomResourceColumnDefinition::default()
        }];
        let set = version.additional_printer_columns.as_deref();
        let columns = set.filter(|columns| !columns.is_empty()).unwrap_or(&age);
        columns.iter().map(Self::new).collect()
    }

    fn new(definition: &CustomResourceColumnDefinition) -> Result<Self, ParseError> {
        Ok(Self {
            name: definition.name.clone(),
            kind: definition.type_.clone(),
            format: definition.format.clone().unwrap_or_default(),
            // upstream's description names the path if there is none
            description: definition.description.clone().unwrap_or_else(|| {
                format!(
                    "Custom resource definition column (in JSONPath format): {}",
                    definition.json_path
                )
            }),
            priority: definition.priority.unwrap_or_default(),
            path: Path::new(definition)?,
        })
    }

    pub(super) fn as_column(&self) -> ColumnView<'_> {
        ColumnView {
            name: &self.name,
            kind: &self.kind,
            format: &self.format,
            description: &self.description,
            priority: self.priority,
        }
    }

    pub(super) fn cell(&self, document: &Value) -> Cell {
        match self.path.cell(document) {
            Found::Null => Cell::Value(Value::Null),
            Found::Text(text) => Cell::text(text),
            Found::Integer(number) => Cell::integer(number),
            Found::Number(number) => Cell::Value(number.into()),
            Found::Boolean(value) => Cell::Value(value.into()),
            Found::Age(since) => Cell::Since(since),
        }
    }
}
