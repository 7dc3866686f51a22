//! The objects of a request as JSON, each encoded once in each version.

use bytes::Bytes;
use portcullis_api::{Object, Status};

use crate::Attributes;
use crate::versions::{Served, Versions};

/// The objects of a request in one version.
#[derive(Clone, Debug, Default)]
pub(super) struct Documents {
    pub(super) object: Option<Bytes>,
    pub(super) old_object: Option<Bytes>,
}

/// The objects of a request in all versions that webhooks need.
#[derive(Default)]
pub(super) struct EncodedVersions<'a> {
    versions: Vec<(Served<'a>, Documents)>,
}

impl<'a> EncodedVersions<'a> {
    /// The objects in a version.
    pub(super) async fn documents(
        &mut self,
        attributes: &Attributes<'_>,
        versions: &dyn Versions,
        served: Served<'a>,
    ) -> Result<Documents, Status> {
        let is_same =
            |of: &Served<'_>| (of.kind_version, of.kind) == (served.kind_version, served.kind);
        let known = self.versions.iter_mut().find(|(of, _)| is_same(of));
        let mut documents = known.map_or_else(Documents::default, |(_, known)| known.clone());
        if documents.object.is_none() {
            documents.object = encode(attributes.object.as_deref(), versions, &served).await?;
        }
        if documents.old_object.is_none() {
            documents.old_object = encode(attributes.old_object, versions, &served).await?;
        }
        self.versions.retain(|(of, _)| !is_same(of));
        self.versions.push((served, documents.clone()));
        Ok(documents)
    }

    /// The object changed.
    pub(super) fn outdate(&mut self) {
        for (_, documents) in &mut self.versions {
            documents.object = None;
        }
    }
}

/// An object in a version, if there is one.
pub(super) async fn encode(
    object: Option<&dyn Object>,
    versions: &dyn Versions,
    served: &Served<'_>,
) -> Result<Option<Bytes>, Status> {
    let Some(object) = object else {
        return Ok(None);
    };
    let encoded = versions.encode(object, served).await;
    encoded
        .map(|json| Some(json.into()))
        .map_err(Status::internal)
}
