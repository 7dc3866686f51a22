//! Paths that code names without importing them.

use syn::visit::{self, Visit};
use syn::{Item, ItemUse, Path};

/// The paths of more than one segment in an item.
pub(crate) fn inline_paths(item: &Item) -> Vec<Vec<String>> {
    let mut paths = Paths::default();
    paths.visit_item(item);
    paths.0
}

#[derive(Default)]
struct Paths(Vec<Vec<String>>);

impl<'ast> Visit<'ast> for Paths {
    fn visit_path(&mut self, path: &'ast Path) {
        if path.segments.len() > 1 {
            let names = path.segments.iter().map(|s| s.ident.to_string());
            self.0.push(names.collect());
        }
        visit::visit_path(self, path);
    }

    // of imports within functions only those that name a path are found; others do not occur
    fn visit_item_use(&mut self, _: &'ast ItemUse) {}
}
