//! The first objects of a cluster: the system's namespaces and priority classes, and the default roles and
//! bindings.
//!
//! All of them go through the registry, as any client's objects do.

use async_trait::async_trait;
use futures_util::future::try_join_all;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::{Object, Status, UserInfo};
use portcullis_rbac::bootstrap;
use portcullis_rbac::reconcile::{self, Step};
use portcullis_storage::ReadAt;

use portcullis_kinds::kinds::priority_class;
use portcullis_kinds::resource::Resource;
use portcullis_kinds::table;
use portcullis_registry::current::Current;
use portcullis_registry::delete::DeleteOptions;
use portcullis_registry::update::Change;
use portcullis_registry::{Registry, Scope, codec};

/// The namespaces of every cluster.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// The server itself, as upstream's loopback client.
pub fn system() -> UserInfo {
    UserInfo {
        name: "system:apiserver".into(),
        groups: vec![
            UserInfo::SYSTEM_MASTERS.into(),
            UserInfo::AUTHENTICATED.into(),
        ],
        ..UserInfo::default()
    }
}

/// Creates the missing objects. Objects of a kind are written concurrently, so that they share the store's
/// commits.
///
/// # Errors
/// The store's error.
pub async fn run(registry: &Registry) -> Result<(), Status> {
    let user = system();
    let namespaces = NAMESPACES.map(|name| Namespace {
        metadata: ObjectMeta {
            name: Some(name.into()),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    });
    each(registry, &user, table::NAMESPACES, namespaces, created).await?;
    each(
        registry,
        &user,
        table::CLUSTER_ROLES,
        bootstrap::cluster_roles(),
        reconcile::cluster_role,
    )
    .await?;
    let (cluster_bindings, bindings) = (
        bootstrap::cluster_role_bindings(),
        bootstrap::role_bindings(),
    );
    tokio::try_join!(
        each(
            registry,
            &user,
            table::PRIORITY_CLASSES,
            priority_class::system_classes(),
            created
        ),
        each(
            registry,
            &user,
            table::CLUSTER_ROLE_BINDINGS,
            cluster_bindings,
            reconcile::cluster_role_binding
        ),
        each(
            registry,
            &user,
            table::ROLES,
            bootstrap::roles(),
            reconcile::role
        ),
        each(
            registry,
            &user,
            table::ROLE_BINDINGS,
            bindings,
            reconcile::role_binding
        ),
    )?;
    Ok(())
}

/// A missing object is created; an existing one is not changed.
fn created<K>(existing: Option<&K>, expected: K) -> Step<K> {
    match existing {
        Some(_) => Step::Nothing,
        None => Step::Create(expected),
    }
}

/// Creates the objects that nodes need to join by bootstrap token.
///
/// # Errors
/// The store's error.
pub async fn let_nodes_join(registry: &Registry) -> Result<(), Status> {
    let user = &system();
    let needed = bootstrap::joining();
    let (cluster_roles, roles) = (needed.cluster_roles, needed.roles);
    each(
        registry,
        user,
        table::CLUSTER_ROLES,
        cluster_roles,
        reconcile::cluster_role,
    )
    .await?;
    each(registry, user, table::ROLES, roles, reconcile::role).await?;
    let (cluster_bindings, bindings) = (needed.cluster_role_bindings, needed.role_bindings);
    each(
        registry,
        user,
        table::CLUSTER_ROLE_BINDINGS,
        cluster_bindings,
        reconcile::cluster_role_binding,
    )
    .await?;
    each(
        registry,
        user,
        table::ROLE_BINDINGS,
        bindings,
        reconcile::role_binding,
    )
    .await
}

/// Applies `decide` to every expected object.
async fn each<K: Object + Clone>(
    registry: &Registry,
    user: &UserInfo,
    resource: &'static Resource,
    expected: impl IntoIterator<Item = K>,
    decide: impl Fn(Option<&K>, K) -> Step<K> + Copy,
) -> Result<(), Status> {
    try_join_all(
        expected
            .into_iter()
            .map(|object| one(registry, user, resource, object, decide)),
    )
    .await
    .map(drop)
}

async fn one<K: Object + Clone>(
    registry: &Registry,
    user: &UserInfo,
    resource: &'static Resource,
    expected: K,
    decide: impl Fn(Option<&K>, K) -> Step<K>,
) -> Result<(), Status> {
    let name = expected.metadata().name.clone().unwrap_or_default();
    let namespace = expected.metadata().namespace.clone().unwrap_or_default();
    let scope = Scope::all(resource, user).named(&namespace, &name);
    let existing = match registry.get(&scope, ReadAt::NotOlderThan(0)).await {
        Ok(entry) => match codec::object(resource, &entry) {
            Ok(object) => object.as_kind::<K>().cloned(),
            // Another server may be able to read it, so an administrator has to decide.
            Err(status) => {
                tracing::error!(
                    k8s.resource = resource.plural,
                    k8s.name = name,
                    error = status.message,
                    "a default object cannot be read; once it is deleted, a start makes it anew"
                );
                return Ok(());
            }
        },
        Err(status) if status.code == 404 => None,
        Err(status) => return Err(status),
    };
    let written = match decide(existing.as_ref(), expected) {
        Step::Nothing => Ok(()),
        Step::Create(object) => registry.create(&scope, Box::new(object)).await.map(drop),
        Step::Update(object) => registry
            .update(&scope, &Replaced(Box::new(object)))
            .await
            .map(drop),
        Step::Recreate(object) => match registry.delete(&scope, &DeleteOptions::default()).await {
            Ok(_) => registry.create(&scope, Box::new(object)).await.map(drop),
            Err(status) => Err(status),
        },
    };
    match written {
        // another server on the same store did it
        Err(status) if status.code == 409 => Ok(()),
        written => written,
    }
}

/// The object, unless it has been changed since.
struct Replaced(Box<dyn Object>);

#[async_trait]
impl Change for Replaced {
    async fn apply(&self, _: Option<&Current>) -> Result<Box<dyn Object>, Status> {
        Ok(self.0.clone())
    }
}
