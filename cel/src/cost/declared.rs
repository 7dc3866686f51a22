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
    // upstream does not look at the root: a path that begins elsewhere, such as at the result of a
    // conditional, has the sizes of `self`
    let named = variables.iter().find(|variable| variable.name == *root);
    let variable = named.or(variables.first())?;
    let mut decl: &DeclType = &variable.decl;
    for step in steps {
        if &**step == "@keys" && decl.step("@values").is_some() {
            // upstream declares no size for keys of maps, which counts as none
            return Some(SizeEstimate { min: 0, max: 0 });
        }
        decl = decl.step(step)?;
    }
    Some(SizeEstimate {
        min: 0,
        max: decl.max_elements,
    })
}
