//! Kinds that are served in other versions than their stored one.
//!
//! Everything inside the server uses the stored version. Objects from a client are converted after decoding,
//! objects for a client before encoding: once per request, never in the store.

mod kind;

use portcullis_api::object::Described;
use portcullis_api::{Object, ObjectType};
use serde::de::DeserializeOwned;

pub(crate) use self::kind::kind;
use crate::release::Lifetime;

/// Another version of a kind: its type, and the way there and back.
///
/// Fields that a version does not have are put into annotations, as by upstream's conversions, and restored
/// from there. Nothing is lost except what upstream's lose too: for an autoscaler's second CPU metric
/// `autoscaling/v1` has neither a field nor an annotation.
pub trait Version: 'static {
    /// The stored type.
    type Stored: Object + Default;
    /// The type clients of this version send and get.
    type Served: Object + Default + DeserializeOwned + Described;

    /// The fields for selectors, each with its name in the stored version; empty if they are equal.
    const FIELDS: &'static [(&'static str, &'static str)] = &[];

    /// Converts an object from a client.
    fn to_stored(served: &Self::Served) -> Self::Stored;
    /// Converts a stored object for a client.
    fn to_served(stored: &Self::Stored) -> Self::Served;
}

/// A further group version under which a resource is served.
#[derive(Debug)]
pub struct Served {
    /// The `apiVersion`, such as `autoscaling/v1`.
    pub api_version: &'static str,
    /// The conversion; `None` if only the label differs.
    pub conversion: Option<Conversion>,
    /// Which releases serve it.
    pub lifetime: Lifetime,
    /// Whether what depends on an object is let go where a deletion does not say.
    pub orphans: bool,
}

/// [`Version`] for callers that do not know the kind.
///
/// An object of another kind, which the kind table prevents, becomes an empty one.
#[derive(Debug)]
pub struct Conversion {
    /// The type, with its decoder and schema.
    pub object_type: &'static ObjectType,
    /// See [`Version::FIELDS`].
    pub fields: &'static [(&'static str, &'static str)],
    /// See [`Version::to_stored`].
    pub to_stored: fn(&dyn Object) -> Box<dyn Object>,
    /// See [`Version::to_served`].
    pub to_served: fn(&dyn Object) -> Box<dyn Object>,
}

impl Served {
    /// The same objects under another label.
    pub const fn label(api_version: &'static str) -> Self {
        Self {
            api_version,
            conversion: None,
            lifetime: Lifetime::ALWAYS,
            orphans: false,
        }
    }

    /// What depends on a deleted object is let go unless the deletion says otherwise (upstream:
    /// `DefaultGarbageCollectionPolicy` of workloads).
    #[must_use]
    pub const fn orphaning(mut self) -> Self {
        self.orphans = true;
        self
    }

    /// The first minor release that serves it, if that is none of old.
    #[must_use]
    pub const fn since(mut self, minor: u8) -> Self {
        self.lifetime.introduced = minor;
        self
    }

    /// The first minor release that does not serve it any more.
    #[must_use]
    pub const fn until(mut self, minor: u8) -> Self {
        self.lifetime.removed = Some(minor);
        self
    }

    /// The first minor release that warns users of it, and what it tells them to use instead.
    #[must_use]
    pub const fn deprecated(mut self, minor: u8, replacement: &'static str) -> Self {
        self.lifetime.deprecated = Some(minor);
        self.lifetime.replacement = replacement;
        self
    }

    /// The same objects, converted to another type.
    pub const fn converted<V: Version>(api_version: &'static str) -> Self {
        Self {
            api_version,
            conversion: Some(Conversion {
                object_type: &const { ObjectType::of::<V::Served>() },
                fields: V::FIELDS,
                to_stored: |object| {
                    let stored = object.as_kind().map(V::to_stored);
                    Box::new(stored.unwrap_or_default())
                },
                to_served: |object| {
                    let served = object.as_kind().map(V::to_served);
                    Box::new(served.unwrap_or_default())
                },
            }),
            lifetime: Lifetime::ALWAYS,
            orphans: false,
        }
    }
}
