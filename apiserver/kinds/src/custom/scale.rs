//! The replicas of custom objects whose version has a scale subresource.

use portcullis_api::CustomObject;
use portcullis_schema::SimplePath;

use super::CustomKind;

/// The desired and the current number of replicas, and their selector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replicas {
    /// `None` if it is not set.
    pub wanted: Option<i32>,
    /// `None` if it is not set.
    pub current: Option<i32>,
    /// Empty if there is no selector.
    pub selector: String,
}

impl CustomKind {
    /// The path of the desired replicas in a version that has a scale.
    pub fn replicas_path(&self, api_version: &str) -> Option<&str> {
        let mut versions = self.versions.iter();
        let version = versions.find(|version| version.api_version == api_version)?;
        let scale = version.scale.as_ref()?;
        Some(&*scale.spec_replicas_path)
    }

    /// The path of the desired replicas, if the version has a scale and the object does not set them.
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

    /// Sets the desired replicas of an object, if its version has a scale.
    pub fn set_replicas(&self, object: &mut CustomObject, replicas: i32) {
        if let Some(scale) = self.version(&object.api_version).scale.clone() {
            let path = SimplePath::parse(&scale.spec_replicas_path);
            // a value on the way that is not an object is found by validation
            let _ = object.change_fields(|fields| path.set(fields, replicas.into()));
        }
    }
}
