//! How many replicas a custom object wants and has, where its definition says that this is known.

use portcullis_api::CustomObject;
use portcullis_schema::SimplePath;

use super::CustomKind;

/// How many replicas are wanted, how many there are, and what selects them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replicas {
    /// None where nobody says.
    pub wanted: Option<i32>,
    /// None where nobody says.
    pub current: Option<i32>,
    /// Empty if there is no selector.
    pub selector: String,
}

impl CustomKind {
    /// The path of the replicas that an object wants, if its version has a scale and it does not say.
    pub fn unset_replicas(&self, object: &CustomObject) -> Option<&str> {
        let scale = self.version(&object.api_version).scale.as_ref()?;
        let unset = self.replicas(object)?.wanted.is_none();
        unset.then_some(&*scale.spec_replicas_path)
    }

    /// The replicas of an object; `None` if its version has no scale.
    pub fn replicas(&self, object: &CustomObject) -> Option<Replicas> {
        let scale = self.version(&object.api_version).scale.as_ref()?;
        let document = self.document(object);
        let number = |path: &str| {
            let found = SimplePath::parse(path).integer(&document).ok().flatten()?;
            i32::try_from(found).ok()
        };
        let selector = scale.label_selector_path.as_deref();
        let selector = selector.map(SimplePath::parse);
        let selector = selector.and_then(|path| Some(path.text(&document).ok()??.to_owned()));
        Some(Replicas {
            wanted: number(&scale.spec_replicas_path),
            current: number(&scale.status_replicas_path),
            selector: selector.unwrap_or_default(),
        })
    }

    /// Sets how many replicas an object wants, if its version has a scale.
    pub fn set_replicas(&self, object: &mut CustomObject, replicas: i32) {
        if let Some(scale) = self.version(&object.api_version).scale.clone() {
            let path = SimplePath::parse(&scale.spec_replicas_path);
            // what is in the way is not an object, which validation finds
            let _ = object.change_fields(|fields| path.set(fields, replicas.into()));
        }
    }
}
