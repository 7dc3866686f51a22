//! Rules about the writer as much as about the object.

use portcullis_api::{Object, Status};

use crate::scope::Scope;

/// Called after mutating admission, for rules that are about the writer as much as about the object: no user
/// grants more than the user has. The scope's name is the URL's, empty on POST.
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
