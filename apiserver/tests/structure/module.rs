//! The modules of a crate, and their imports.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::{Attribute, Item, ItemMod, UseTree, Visibility};

use crate::imports::inline_paths;

/// The path of a module in its crate; empty for the root.
pub(crate) type ModulePath = Vec<String>;

/// The maximum number of imports to follow for one name.
const HOPS_MAX: usize = 8;

/// A module. An inline module has the file of its parent.
pub(crate) struct Module {
    pub(crate) file: PathBuf,
    children: BTreeSet<String>,
    items: BTreeSet<String>,
    /// The paths that imported names refer to, by name.
    imports: BTreeMap<String, Vec<String>>,
    /// Every path that is named, and whether it is only re-exported.
    named: Vec<(Vec<String>, bool)>,
}

/// A crate's modules, without those of tests.
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) modules: BTreeMap<ModulePath, Module>,
}

/// A path that a module names.
pub(crate) struct Named<'c> {
    pub(crate) module: &'c ModulePath,
    pub(crate) file: &'c Path,
    /// Beginning with `crate` or the name of another crate.
    pub(crate) path: Vec<String>,
}

impl Crate {
    /// Reads a crate from its `lib.rs`.
    pub(crate) fn read(name: &str, root: &Path) -> Self {
        let mut krate = Self {
            name: name.into(),
            modules: BTreeMap::new(),
        };
        krate.read_file(Vec::new(), root, root.parent().unwrap());
        krate
    }

    fn read_file(&mut self, path: ModulePath, file: &Path, below: &Path) {
        let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let parsed = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        self.read_items(path, file, below, &parsed.items);
    }

    fn read_items(&mut self, path: ModulePath, file: &Path, below: &Path, items: &[Item]) {
        let mut module = Module {
            file: file.into(),
            children: BTreeSet::new(),
            items: BTreeSet::new(),
            imports: BTreeMap::new(),
            named: Vec::new(),
        };
        for item in items {
            match item {
                Item::Mod(inner) if is_for_tests(&inner.attrs) => {}
                Item::Mod(inner) => {
                    module.children.insert(inner.ident.to_string());
                    self.read_child(&path, file, below, inner);
                }
                Item::Use(import) if is_for_tests(&import.attrs) => {}
                Item::Use(import) => {
                    let passes_on = !matches!(import.vis, Visibility::Inherited);
                    module.import(&import.tree, &mut Vec::new(), passes_on);
                }
                other => {
                    module.items.extend(name_of(other));
                    let paths = inline_paths(other);
                    module.named.extend(paths.into_iter().map(|p| (p, false)));
                }
            }
        }
        self.modules.insert(path, module);
    }

    fn read_child(&mut self, path: &[String], file: &Path, below: &Path, inner: &ItemMod) {
        let name = inner.ident.to_string();
        let child = [path, std::slice::from_ref(&name)].concat();
        match &inner.content {
            Some((_, items)) => self.read_items(child, file, below, items),
            None => self.read_file(child, &below.join(format!("{name}.rs")), &below.join(name)),
        }
    }

    /// The paths that the descendants of a module name, in their crate and outside.
    pub(crate) fn names_below<'c>(&'c self, module: &str) -> impl Iterator<Item = Named<'c>> {
        let is_below = {
            let module = module.to_owned();
            move |path: &ModulePath| module.is_empty() || path.first() == Some(&module)
        };
        let modules = self.modules.iter().filter(move |(path, _)| is_below(path));
        modules.flat_map(move |(path, module)| {
            module.named.iter().filter_map(move |(named, _)| {
                let absolute = match self.absolute(path, named) {
                    Some(inside) => [vec!["crate".to_owned()], inside].concat(),
                    None => named.clone(),
                };
                let file = &*module.file;
                (!path.is_empty()).then_some(Named {
                    module: path,
                    file,
                    path: absolute,
                })
            })
        })
    }

    /// The modules that a module imports, apart from re-exports of its descendants.
    pub(crate) fn imported_by(&self, path: &ModulePath) -> BTreeSet<ModulePath> {
        let named = self.modules[path].named.iter();
        let homes = named.filter_map(|(named, passes_on)| {
            let home = self.home(&self.absolute(path, named)?, 0)?;
            (!(*passes_on && home.starts_with(path))).then_some(home)
        });
        homes.collect()
    }

    /// The absolute form of a path; `None` if it leaves the crate.
    fn absolute(&self, from: &ModulePath, named: &[String]) -> Option<Vec<String>> {
        let mut base = from.clone();
        let mut rest = named;
        match rest.first()?.as_str() {
            "crate" => base.clear(),
            "self" => {}
            "super" => {
                base.pop();
            }
            name => {
                let module = &self.modules[from];
                // an import of the same name as a module leads into that module
                if let Some(import) = module.imports.get(name).filter(|i| i[0] != name) {
                    let longer = [import, &rest[1..]].concat();
                    return self.absolute(from, &longer);
                }
                if !module.children.contains(name) && !module.items.contains(name) {
                    return None;
                }
                return Some([&base[..], rest].concat());
            }
        }
        rest = &rest[1..];
        while rest.first().is_some_and(|s| s == "super") {
            base.pop();
            rest = &rest[1..];
        }
        Some([&base[..], rest].concat())
    }

    /// The module that defines the item at a path.
    fn home(&self, path: &[String], hops: usize) -> Option<ModulePath> {
        let known = (0..=path.len())
            .rev()
            .find(|n| self.modules.contains_key(&path[..*n]))?;
        let (module_path, rest) = path.split_at(known);
        let module = &self.modules[module_path];
        let Some(name) = rest.first() else {
            return Some(module_path.to_vec());
        };
        if module.items.contains(name) || name == "*" || hops == HOPS_MAX {
            return Some(module_path.to_vec());
        }
        match module.imports.get(name) {
            Some(import) => {
                let onward = self.absolute(&module_path.to_vec(), import)?;
                self.home(&onward, hops + 1)
            }
            // the item of a macro or of a glob import
            None => Some(module_path.to_vec()),
        }
    }
}

impl Module {
    fn import(&mut self, tree: &UseTree, above: &mut Vec<String>, passes_on: bool) {
        let mut leaf = |name: String, known_as: String| {
            let mut path = above.clone();
            if name != "self" {
                path.push(name);
            }
            self.imports.insert(known_as, path.clone());
            self.named.push((path, passes_on));
        };
        match tree {
            UseTree::Name(name) if name.ident == "self" => {
                let known_as = above.last().cloned().unwrap_or_default();
                leaf("self".into(), known_as);
            }
            UseTree::Name(name) => leaf(name.ident.to_string(), name.ident.to_string()),
            UseTree::Rename(rename) => leaf(rename.ident.to_string(), rename.rename.to_string()),
            UseTree::Glob(_) => leaf("*".into(), "*".into()),
            UseTree::Path(path) => {
                above.push(path.ident.to_string());
                self.import(&path.tree, above, passes_on);
                above.pop();
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, above, passes_on);
                }
            }
        }
    }
}

/// Whether an item is compiled for tests only.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let list = attribute.meta.require_list();
        attribute.path().is_ident("cfg")
            && list.is_ok_and(|list| list.tokens.to_string().contains("test"))
    })
}

fn name_of(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(i) => &i.ident,
        Item::Enum(i) => &i.ident,
        Item::Fn(i) => &i.sig.ident,
        Item::Macro(i) => i.ident.as_ref()?,
        Item::Static(i) => &i.ident,
        Item::Struct(i) => &i.ident,
        Item::Trait(i) => &i.ident,
        Item::Type(i) => &i.ident,
        Item::Union(i) => &i.ident,
        _ => return None,
    };
    Some(ident.to_string())
}
