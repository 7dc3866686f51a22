//! Changing objects as controllers do: a part of an object, regardless of the rest.

use async_trait::async_trait;
use portcullis_api::status::Reason;
use portcullis_api::{Object, Status};

use portcullis_registry::current::Current;
use portcullis_registry::update::{Change, Updated};
use portcullis_registry::{Registry, Scope};

/// A change made of a function; a missing object is not created.
struct Edit<F>(F);

#[async_trait]
impl<F> Change for Edit<F>
where
    F: Fn(&mut dyn Object) -> Result<(), Status> + Send + Sync,
{
    async fn apply(&self, current: Option<&Current>) -> Result<Box<dyn Object>, Status> {
        let current = current
            .ok_or_else(|| Status::failure(Reason::NotFound, "the object is gone meanwhile"))?;
        let mut object = current.object.boxed_clone();
        (self.0)(object.as_mut())?;
        Ok(object)
    }

    fn ends_unchanged(&self) -> bool {
        true
    }
}

/// Changes an existing object; `edit` is called once per attempt.
///
/// # Errors
/// 404 if it does not exist, the errors of `edit`, and those of any update.
pub async fn edit_any<F>(registry: &Registry, scope: &Scope<'_>, edit: F) -> Result<Updated, Status>
where
    F: Fn(&mut dyn Object) -> Result<(), Status> + Send + Sync,
{
    registry.update(scope, &Edit(edit)).await
}

/// Changes an existing object of a kind.
///
/// # Errors
/// As [`edit_any`].
pub async fn edit<K: Object>(
    registry: &Registry,
    scope: &Scope<'_>,
    edit: impl Fn(&mut K) + Send + Sync,
) -> Result<Updated, Status> {
    let typed = |object: &mut dyn Object| {
        let object = object
            .as_kind_mut::<K>()
            .ok_or_else(|| Status::internal("an object of another kind than its key says"))?;
        edit(object);
        Ok(())
    };
    edit_any(registry, scope, typed).await
}

/// Changes an object if it still has this uid.
///
/// # Errors
/// As [`edit_any`]; 409 if it has been replaced.
pub async fn edit_same(
    registry: &Registry,
    scope: &Scope<'_>,
    uid: &str,
    edit: impl Fn(&mut dyn Object) + Send + Sync,
) -> Result<Updated, Status> {
    let checked = |object: &mut dyn Object| {
        if object.metadata().uid.as_deref() != Some(uid) {
            let resource = scope.resource.group_resource();
            return Err(Status::conflict(
                resource,
                scope.name,
                "it is another object by now",
            ));
        }
        edit(object);
        Ok(())
    };
    edit_any(registry, scope, checked).await
}

#[cfg(test)]
mod tests;
