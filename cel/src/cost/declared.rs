//! Declared sizes of variables and their parts.

use crate::ast::Name;
use crate::cost::size::SizeEstimate;
use crate::decl::DeclType;
use crate::scope::Variable;

/// The origin of a value: a variable, and steps into its declared type.
pub(super) type Path = Vec<Name>;

/// The declared size at a path.
pub(super) fn declared_size(variables: &[Variable], path: &[Name]) -> Option<SizeEstimate> {
    let (root, steps) = path.split_first()?;
    let variable = variables.iter().find(|variable| variable.name == *root)?;
    let mut decl: &DeclType = &variable.decl;
    for step in steps {
        if &**step == "@keys" && decl.step("@values").is_some() {
            // keys of maps are strings without a declared length
            let max = DeclType::string(None).max_elements;
            return Some(SizeEstimate { min: 0, max });
        }
        decl = decl.step(step)?;
    }
    Some(SizeEstimate {
        min: 0,
        max: decl.max_elements,
    })
}
