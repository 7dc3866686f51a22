//! The few controllers that users take for the API server's own.
//!
//! Each runs over the watch cache, through the same registry as any client, as the user that
//! upstream's controller is.

pub mod clusterrole_aggregation;
pub mod follow;
pub mod namespace;
pub mod serviceaccount;

use std::pin::Pin;
use std::sync::Arc;

use crate::registry::Registry;

/// A controller at work; it never ends by itself.
pub type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How a controller is run.
type Run = fn(Arc<Registry>) -> Running;

/// All controllers, by upstream's names.
const ALL: [(&str, Run); 3] = [
    ("clusterrole-aggregation", |registry| {
        Box::pin(clusterrole_aggregation::run(registry))
    }),
    ("namespace", |registry| Box::pin(namespace::run(registry))),
    ("serviceaccount", |registry| {
        Box::pin(serviceaccount::run(registry))
    }),
];

/// Which controllers to run.
#[derive(Debug, PartialEq, Eq)]
pub struct Selection(Vec<&'static str>);

impl Selection {
    /// Reads `--controllers`: `*` for all, `name` for one, `-name` for all but one.
    ///
    /// # Errors
    /// A sentence that lists the known ones, for a name that is none of them.
    pub fn parse(names: &[String]) -> Result<Self, String> {
        for name in names
            .iter()
            .map(|n| n.trim_start_matches('-'))
            .filter(|n| *n != "*")
        {
            if !ALL.iter().any(|(known, _)| *known == name) {
                let known: Vec<_> = ALL.iter().map(|(known, _)| *known).collect();
                return Err(format!(
                    "{name:?} is no controller; known are {}",
                    known.join(", ")
                ));
            }
        }
        let listed = |name: &str| names.iter().any(|n| n == name);
        let chosen = |name: &&str| listed(name) || (listed("*") && !listed(&format!("-{name}")));
        Ok(Self(
            ALL.iter().map(|(name, _)| *name).filter(chosen).collect(),
        ))
    }

    /// The controllers, ready to run.
    pub fn start(&self, registry: &Arc<Registry>) -> Vec<Running> {
        ALL.iter()
            .filter(|(name, _)| self.0.contains(name))
            .map(|(_, run)| run(registry.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(names: &[&str]) -> Result<Vec<&'static str>, String> {
        Selection::parse(&names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).map(|s| s.0)
    }

    #[test]
    fn controllers_are_chosen_as_upstream() {
        assert_eq!(selected(&["*"]).unwrap().len(), ALL.len());
        assert_eq!(selected(&["namespace"]).unwrap(), ["namespace"]);
        assert!(
            !selected(&["*", "-namespace"])
                .unwrap()
                .contains(&"namespace")
        );
        assert!(selected(&["-nope"]).unwrap_err().contains("serviceaccount"));
    }
}
