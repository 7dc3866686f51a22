//! Sizes that are declared of variables and of what is in them.

use crate::ast::Name;
use crate::cost::size::SizeEstimate;
use crate::decl::DeclType;
use crate::scope::Variable;

/// Where in the declared types a value comes from: a variable, and steps from there.
pub(super) type Path = Vec<Name>;

/// The size that is declared of what a path leads to.
pub(super) fn declared_size(variables: &[Variable], path: &[Name]) -> Option<SizeEstimate> {
    let (root, steps) = path.split_first()?;
    let variable = variables.iter().find(|variable| variable.name == *root)?;
    let mut decl: &DeclType = &variable.decl;
    for step in steps {
        if &**step == "@keys" && decl.step("@values").is_some() {
            // Keys of maps are texts of no declared length.
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
