//! Compiles the schema of a definition.

mod builder;
mod keywords;

use std::sync::Arc;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use thiserror::Error;

use self::builder::Builder;
use crate::arena::{Field, Flags, Node, NodeId, Schema};

/// The limit of nesting of schemas.
pub const DEPTH_MAX: usize = 128;
/// The number of schemas that one version of a definition may have.
pub const NODES_MAX: usize = 500_000;

/// Why a schema cannot be compiled. Only one that is too large can pass the validation of
/// definitions and still fail here.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CompileError {
    /// A keyword is not supported.
    #[error("OpenAPIV3Schema '{0}' is not supported")]
    Unsupported(&'static str),
    /// `items` is an array of schemas.
    #[error("OpenAPIV3Schema 'items' must be a schema, but is an array")]
    ItemsArray,
    /// A type does not exist in JSON.
    #[error("unknown type {0:?}")]
    UnknownType(String),
    /// Schemas are nested more than [`DEPTH_MAX`] levels deep.
    #[error("the schema is nested more than {DEPTH_MAX} levels deep")]
    TooDeep,
    /// There are more than [`NODES_MAX`] schemas, or too much text.
    #[error("the schema is too large")]
    TooLarge,
}

impl Schema {
    /// Compiles a schema.
    ///
    /// # Errors
    /// [`CompileError`] for the first invalid part.
    pub fn compile(props: &JSONSchemaProps) -> Result<Arc<Self>, CompileError> {
        let mut builder = Builder::default();
        let root = Compiler {
            builder: &mut builder,
        }
        .node(props, 0)?;
        Ok(Arc::new(builder.finish(root)))
    }
}

struct Compiler<'b> {
    builder: &'b mut Builder,
}

impl Compiler<'_> {
    fn node(&mut self, props: &JSONSchemaProps, depth: usize) -> Result<NodeId, CompileError> {
        if depth >= DEPTH_MAX {
            return Err(CompileError::TooDeep);
        }
        self.builder.count()?;
        supported(props)?;
        let mut flags = keywords::flags(props)?;
        let items = self.items(props, depth)?;
        let values = self.values(props, depth, &mut flags)?;
        let fields = self.fields(props, depth)?;
        let below = items
            .into_iter()
            .chain(values)
            .chain(fields.iter().map(|f| f.node));
        self.builder.inherit(&mut flags, below);
        let checks = self.checks(props, depth)?;
        let default = match &props.default {
            Some(default) => self.builder.add_default(&default.0)?,
            None => 0,
        };
        let node = Node {
            flags,
            fields: self.builder.fields(fields)?,
            checks,
            items,
            values,
            default,
        };
        self.builder.node(node)
    }

    fn items(
        &mut self,
        props: &JSONSchemaProps,
        depth: usize,
    ) -> Result<Option<NodeId>, CompileError> {
        match &props.items {
            None => Ok(None),
            Some(JSONSchemaPropsOrArray::Schema(items)) => self.node(items, depth + 1).map(Some),
            Some(JSONSchemaPropsOrArray::Schemas(_)) => Err(CompileError::ItemsArray),
        }
    }

    fn values(
        &mut self,
        props: &JSONSchemaProps,
        depth: usize,
        flags: &mut Flags,
    ) -> Result<Option<NodeId>, CompileError> {
        match &props.additional_properties {
            None => Ok(None),
            Some(JSONSchemaPropsOrBool::Bool(allowed)) => {
                flags.set(if *allowed { Flags::OPEN } else { Flags::CLOSED }, true);
                Ok(None)
            }
            Some(JSONSchemaPropsOrBool::Schema(values)) => {
                flags.set(Flags::OPEN, true);
                self.node(values, depth + 1).map(Some)
            }
        }
    }

    fn fields(
        &mut self,
        props: &JSONSchemaProps,
        depth: usize,
    ) -> Result<Vec<Field>, CompileError> {
        // the map is sorted, and so are the fields
        let properties = props.properties.iter().flatten();
        properties
            .map(|(name, property)| {
                let node = self.node(property, depth + 1)?;
                let name = self.builder.name(name)?;
                Ok(Field { name, node })
            })
            .collect()
    }
}

pub(crate) fn supported(props: &JSONSchemaProps) -> Result<(), CompileError> {
    let filled = |text: &Option<String>| text.as_ref().is_some_and(|t| !t.is_empty());
    for (present, name) in [
        (filled(&props.id), "id"),
        (filled(&props.schema), "schema"),
        (filled(&props.ref_path), "$ref"),
        (
            props
                .pattern_properties
                .as_ref()
                .is_some_and(|m| !m.is_empty()),
            "patternProperties",
        ),
        (
            props.dependencies.as_ref().is_some_and(|m| !m.is_empty()),
            "dependencies",
        ),
        (props.additional_items.is_some(), "additionalItems"),
        (
            props.definitions.as_ref().is_some_and(|m| !m.is_empty()),
            "definitions",
        ),
    ] {
        if present {
            return Err(CompileError::Unsupported(name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
