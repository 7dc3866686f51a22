//! What a kind's own validation does with metadata.

/// How often a kind's own validation checks the metadata, besides what is checked in objects of all kinds.
///
/// Upstream's validations call each other in many ways, so that clients see an error once, or several times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetadataChecks {
    /// Validations of a new object, metadata and all.
    pub created: usize,
    /// Validations of a changed object's metadata like that of a new one.
    pub whole: usize,
    /// Comparisons with the old metadata.
    pub changed: usize,
    /// Whether finalizers without a domain must be the server's own (upstream: `validateKubeFinalizerName`).
    pub own_finalizers: bool,
}

impl MetadataChecks {
    /// Those of most kinds.
    pub const MOST: Self = Self {
        created: 1,
        whole: 1,
        changed: 1,
        own_finalizers: true,
    };
    /// Those of kinds whose finalizers need no domain.
    pub const DOMAINLESS: Self = Self {
        own_finalizers: false,
        ..Self::MOST
    };
    /// Those of kinds that leave the metadata to what is checked in all.
    pub const NONE: Self = Self {
        created: 0,
        ..Self::DOMAINLESS.changing(0, 0)
    };
    /// Those of kinds outside of Kubernetes' own APIs.
    pub const CUSTOM: Self = Self::DOMAINLESS.changing(0, 1);

    /// The same, with so many validations of a new object.
    #[must_use]
    pub const fn creating(self, created: usize) -> Self {
        Self { created, ..self }
    }

    /// The same, with these checks of a changed object.
    #[must_use]
    pub const fn changing(self, whole: usize, changed: usize) -> Self {
        Self {
            whole,
            changed,
            ..self
        }
    }
}
