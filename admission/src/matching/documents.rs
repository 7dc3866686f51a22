//! The objects of a request as JSON, each encoded once in each version.

use std::sync::OnceLock;

use bytes::Bytes;
use portcullis_api::{Object, Status};
use serde_json::Value;

use crate::Attributes;
use crate::versions::{Served, Versions};

/// The objects of a request in one version.
#[derive(Clone, Debug, Default)]
pub(crate) struct Documents {
    pub(crate) object: Option<Bytes>,
    pub(crate) old_object: Option<Bytes>,
}

/// The versions of a request's resource, and the objects in those that are needed. Each is asked for
/// and encoded once.
pub(crate) struct EncodedVersions<'a> {
    versions: &'a dyn Versions,
    pub(crate) requested: Served<'a>,
    others: OnceLock<Vec<Served<'a>>>,
    encoded: Vec<(Served<'a>, Documents)>,
}

impl<'a> EncodedVersions<'a> {
    pub(crate) fn new(versions: &'a dyn Versions) -> Self {
        Self {
            versions,
            requested: versions.requested(),
            others: OnceLock::new(),
            encoded: Vec::new(),
        }
    }

    /// The other versions than the requested one.
    pub(crate) fn others(&self) -> &[Served<'a>] {
        self.others.get_or_init(|| self.versions.others())
    }

    /// The objects in a version.
    pub(crate) async fn documents(
        &mut self,
        attributes: &Attributes<'_>,
        served: Served<'a>,
    ) -> Result<Documents, Status> {
        let is_same =
            |of: &Served<'_>| (of.kind_version, of.kind) == (served.kind_version, served.kind);
        let known = self.encoded.iter().position(|(of, _)| is_same(of));
        let known = known.map(|at| self.encoded.swap_remove(at).1);
        let mut documents = known.unwrap_or_default();
        if documents.object.is_none() {
            let object = attributes.object.as_deref();
            documents.object = encode(object, self.versions, &served).await?;
        }
        if documents.old_object.is_none() {
            documents.old_object = encode(attributes.old_object, self.versions, &served).await?;
        }
        self.encoded.push((served, documents.clone()));
        Ok(documents)
    }

    /// The object changed.
    pub(crate) fn outdate(&mut self) {
        for (_, documents) in &mut self.encoded {
            documents.object = None;
        }
    }
}

/// An object in a version, if there is one.
pub(crate) async fn encode(
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

/// A document as a variable of expressions.
pub(crate) fn variable(document: Option<&[u8]>) -> Result<Value, Status> {
    document.map_or(Ok(Value::Null), |json| {
        serde_json::from_slice(json).map_err(Status::internal)
    })
}
