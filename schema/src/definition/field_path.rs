//! Field paths in schemas of definitions.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;

use super::parts;
use crate::field_path::read;

type Found<'p> = (Vec<String>, Option<&'p JSONSchemaProps>);

/// The names on a path, and the schema at its end, which is `None` below `additionalProperties:
/// true`.
pub(super) fn resolve<'p>(
    text: &str,
    props: &'p JSONSchemaProps,
    brackets: bool,
) -> Result<Found<'p>, String> {
    let mut at = Some(props);
    let mut names = Vec::new();
    read(text, brackets, &mut |name| {
        at = below(at, &name)?;
        names.push(name);
        Ok(())
    })?;
    Ok((names, at))
}

fn below<'p>(
    props: Option<&'p JSONSchemaProps>,
    name: &str,
) -> Result<Option<&'p JSONSchemaProps>, String> {
    let not_found = || Err("does not refer to a valid field".to_owned());
    let Some(props) = props else {
        return not_found();
    };
    let declared = props.properties.as_ref().filter(|p| !p.is_empty());
    match declared {
        Some(declared) => declared.get(name).map(Some).map_or_else(not_found, Ok),
        None if props.additional_properties.is_some() => Ok(parts(props).values),
        None => not_found(),
    }
}
