//! Rules about who may write what, beyond the permission to write: no user grants more than the user has.

use portcullis_api::{Object, Status};

use crate::scope::Scope;

/// Checks such a rule, after mutating admission. The scope's name is the URL's, empty on POST.
pub trait Guard: Send + Sync + 'static {
    /// Whether the user of the scope may write this object.
    ///
    /// # Errors
    /// A 403.
    fn check(
        &self,
        scope: &Scope<'_>,
        object: &dyn Object,
        old: Option<&dyn Object>,
    ) -> Result<(), Status>;
}

/// Several guards, of which each must agree.
impl Guard for Vec<Box<dyn Guard>> {
    fn check(
        &self,
        scope: &Scope<'_>,
        object: &dyn Object,
        old: Option<&dyn Object>,
    ) -> Result<(), Status> {
        self.iter()
            .try_for_each(|guard| guard.check(scope, object, old))
    }
}
