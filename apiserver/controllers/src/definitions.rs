//! The life of custom resource definitions: their names are accepted or not, they are established, and their
//! objects are deleted before they are.
//!
//! Upstream: the controllers of `k8s.io/apiextensions-apiserver`: `status`, `establish`, `apiapproval` and
//! `finalizer`. They belong to the server itself, so every server runs them; their result depends only on
//! what is stored.

mod approval;
mod cleanup;
mod names;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionNames,
};
use parking_lot::Mutex;
use portcullis_api::status::Reason;
use portcullis_api::{Status, UserInfo};
use portcullis_kinds::kinds::custom_resource_definition::{
    CLEANUP, ESTABLISHED, NAMES_ACCEPTED, is_true, set_condition,
};
use portcullis_kinds::table;
use portcullis_registry::{Registry, Scope, codec};
use portcullis_storage::{Entry, ReadAt};

use crate::bootstrap;
use crate::edit::edit;
use crate::follow::{Seen, follow};
use crate::queue::Queue;

/// The longest pause for objects with finalizers.
const AGAIN_MAX: Duration = Duration::from_secs(1);
/// How many definitions are processed concurrently, so that they share the store's commits.
const AT_ONCE: usize = 32;

/// All definitions, by name.
type Definitions = BTreeMap<String, Known>;

/// The part of a definition that is kept, as it may be large.
struct Known {
    group: String,
    accepted: CustomResourceDefinitionNames,
    /// Whether it was denied a name.
    refused: bool,
}

impl Known {
    fn new(definition: &CustomResourceDefinition) -> Self {
        let status = definition.status.as_ref();
        Self {
            group: definition.spec.group.clone(),
            accepted: status
                .and_then(|s| s.accepted_names.clone())
                .unwrap_or_default(),
            refused: !is_true(definition, NAMES_ACCEPTED),
        }
    }
}

/// Runs until the server stops.
pub async fn run(registry: Arc<Registry>) {
    let controller = Controller {
        registry,
        user: bootstrap::system(),
        known: Mutex::default(),
    };
    let queue = Queue::patient_for(AGAIN_MAX).counted(
        "crd_naming_condition_controller",
        controller.registry.work_queues(),
    );
    let definitions = follow(
        controller.registry.clone(),
        controller.user.clone(),
        table::CUSTOM_RESOURCE_DEFINITIONS,
    );
    let watch = definitions.for_each(|seen| {
        for name in controller.affected(seen) {
            queue.add(name.into(), Duration::ZERO);
        }
        std::future::ready(())
    });
    let work = queue.serve(AT_ONCE, |name| controller.see_to(name));
    tokio::join!(watch, work);
}

struct Controller {
    registry: Arc<Registry>,
    user: UserInfo,
    known: Mutex<Definitions>,
}

impl Controller {
    /// Processes a change. Returns the names of affected definitions: the changed one and, as its names may
    /// have become free, those in its group that were denied names.
    fn affected(&self, seen: Seen<CustomResourceDefinition>) -> Vec<String> {
        let definition = seen.object;
        let name = definition.metadata.name.clone().unwrap_or_default();
        let mut known = self.known.lock();
        let group = &definition.spec.group;
        let refused = |(_, other): &(&String, &Known)| other.refused && other.group == *group;
        let refused = known.iter().filter(refused);
        let mut names: Vec<_> = refused.map(|(name, _)| name.clone()).collect();
        if seen.gone {
            known.remove(&name);
        } else {
            known.insert(name.clone(), Known::new(&definition));
            names.push(name);
        }
        names
    }

    /// Updates the status of a definition, or removes the definition; returns whether nothing remains to be
    /// done.
    async fn see_to(&self, name: Arc<str>) -> Result<bool, Status> {
        let scope = Scope::all(table::CUSTOM_RESOURCE_DEFINITIONS, &self.user).named("", &name);
        let entry = match self.registry.get(&scope, ReadAt::Latest).await {
            Err(status) if status.reason == Some(Reason::NotFound) => return Ok(true),
            found => found?,
        };
        let definition = read(&scope, &entry)?;
        if definition.metadata.deletion_timestamp.is_some() {
            let finalizers = definition.metadata.finalizers.iter().flatten();
            return match finalizers.into_iter().any(|f| f == CLEANUP) {
                true => cleanup::clean_up(&self.registry, &self.user, &scope, &definition).await,
                false => Ok(true),
            };
        }
        let mut wanted = definition.clone();
        self.judge(&mut wanted);
        if wanted.status == definition.status {
            return Ok(true);
        }
        let status = Scope {
            subresource: "status",
            ..scope
        };
        match edit(&self.registry, &status, |current| self.judge(current)).await {
            Err(status) if status.reason == Some(Reason::NotFound) => {
                self.known.lock().remove(&*name);
            }
            edited => drop(edited?),
        }
        Ok(true)
    }

    /// The accepted names are reserved immediately: another definition with the same names may be judged
    /// before this one is written. If it is not written, its next change shows its names.
    fn judge(&self, definition: &mut CustomResourceDefinition) {
        let mut known = self.known.lock();
        judge(definition, &known);
        let name = definition.metadata.name.clone().unwrap_or_default();
        known.insert(name, Known::new(definition));
    }
}

fn read(scope: &Scope<'_>, entry: &Entry) -> Result<CustomResourceDefinition, Status> {
    let object = codec::object(scope.resource, entry)?;
    let definition = object.as_kind::<CustomResourceDefinition>().cloned();
    definition.ok_or_else(|| Status::internal("an object of another kind than its key says"))
}

/// Writes into the status of a definition which names it has, and whether it is served.
fn judge(definition: &mut CustomResourceDefinition, others: &Definitions) {
    let own = definition.metadata.name.clone().unwrap_or_default();
    let group = definition.spec.group.clone();
    let others = others.iter();
    let others = others.filter(|(name, other)| **name != own && other.group == group);
    let taken = names::Taken::by(others.map(|(_, other)| &other.accepted));
    let refusal = names::accept(definition, &taken);
    match &refusal {
        None => set_condition(
            definition,
            NAMES_ACCEPTED,
            true,
            "NoConflicts",
            "no conflicts found",
        ),
        Some((reason, message)) => {
            set_condition(definition, NAMES_ACCEPTED, false, reason, message);
        }
    }
    if !is_true(definition, ESTABLISHED) {
        match refusal {
            None => set_condition(
                definition,
                ESTABLISHED,
                true,
                "InitialNamesAccepted",
                "the initial names have been accepted",
            ),
            Some(_) => set_condition(
                definition,
                ESTABLISHED,
                false,
                "NotAccepted",
                "not all names are accepted",
            ),
        }
    }
    approval::judge(definition);
}

#[cfg(test)]
mod tests;
