//! A row of the kind table: everything the server knows of a resource.

mod served;

use portcullis_api::decode::{DecodeError, Decoded, Source};
use portcullis_api::encode::TypeMeta;
use portcullis_api::object::Described;
use portcullis_api::{GroupKind, GroupResource, Object, ObjectType, Verb};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::release::Lifetime;
use super::strategy::Strategy;
use super::strategy_ref::StrategyRef;
use super::version::Served;

/// One resource: its names, its verbs, and the rules of its kind.
///
/// Router, discovery, `OpenAPI`, RBAC resource names, storage keys and Tables all derive from this.
pub struct Resource {
    /// The group, empty for core.
    pub group: &'static str,
    /// The version objects are stored in and served as by default, such as `v1`.
    pub version: &'static str,
    /// Whether the stored version is served to clients.
    pub stored_is_served: bool,
    /// Which releases serve the version that objects are stored in.
    pub lifetime: Lifetime,
    /// Further group versions that serve the same objects, in some release.
    pub also: &'static [Served],
    /// Which of them are served: the bit of each by its index.
    pub also_served: u32,
    /// The kind, such as `Pod`.
    pub kind: &'static str,
    /// The singular, if it is not the lower-case kind.
    pub singular: Option<&'static str>,
    /// The kind of lists, if it is not the kind followed by `List`.
    pub list_kind: Option<&'static str>,
    /// The plural, lower-case name, such as `pods`.
    pub plural: &'static str,
    /// Whether objects are namespaced.
    pub namespaced: bool,
    /// Short names, such as `po`.
    pub short_names: &'static [&'static str],
    /// Categories, such as `all`.
    pub categories: &'static [&'static str],
    /// The verbs, as discovery lists them.
    pub verbs: &'static [Verb],
    /// Subresources, such as `status`.
    pub subresources: &'static [Subresource],
    /// The part of the storage key between prefix and namespace, such as `pods`.
    pub storage: &'static str,
    /// Whether a PUT to a missing name creates the object.
    pub create_on_update: bool,
    /// Whether a change may leave out the resource version.
    pub unconditional_update: bool,
    /// The stored type, with its decoder and schema.
    pub object_type: &'static ObjectType,
    /// The rules of the kind.
    pub strategy: StrategyRef,
}

/// A subresource of an object.
pub struct Subresource {
    /// The name, such as `status`.
    pub name: &'static str,
    /// The kind of its body, such as `Pod` or `Binding`.
    pub kind: &'static str,
    /// The group and version of that kind, if they are not the resource's.
    pub group_version: Option<&'static str>,
    /// The verbs.
    pub verbs: &'static [Verb],
}

/// All verbs of an ordinary resource.
pub const ALL_VERBS: &[Verb] = &[
    Verb::Create,
    Verb::Delete,
    Verb::DeleteCollection,
    Verb::Get,
    Verb::List,
    Verb::Patch,
    Verb::Update,
    Verb::Watch,
];

/// The verbs of a resource without deletion of collections.
pub const ONE_BY_ONE: &[Verb] = &[
    Verb::Create,
    Verb::Delete,
    Verb::Get,
    Verb::List,
    Verb::Patch,
    Verb::Update,
    Verb::Watch,
];

/// The verbs of a review, which is answered and not stored.
pub const CREATE_ONLY: &[Verb] = &[Verb::Create];

/// A status subresource of the resource's own kind.
pub const fn status(kind: &'static str) -> Subresource {
    Subresource {
        name: "status",
        kind,
        group_version: None,
        verbs: &[Verb::Get, Verb::Patch, Verb::Update],
    }
}

/// The scale of an object with replicas (see `kinds/scale.rs`).
pub const SCALE: Subresource = Subresource {
    name: "scale",
    kind: "Scale",
    group_version: Some("autoscaling/v1"),
    verbs: &[Verb::Get, Verb::Patch, Verb::Update],
};

/// The subresource whose requests are forwarded, with the rest of the path.
pub const PROXY: &str = "proxy";

/// Requests forwarded to a pod, a node or a service, with the kind of their options.
pub const fn proxy(options: &'static str) -> Subresource {
    Subresource {
        name: PROXY,
        kind: options,
        group_version: None,
        verbs: &[
            Verb::Create,
            Verb::Delete,
            Verb::Get,
            Verb::Patch,
            Verb::Update,
        ],
    }
}

/// The builder of a row: the names of the type, and then the differences from most kinds.
impl Resource {
    /// A cluster-scoped kind, with all verbs and without subresources.
    pub const fn cluster<S: Strategy>(strategy: &'static S) -> Self
    where
        S::Kind: k8s_openapi::Resource + DeserializeOwned + Described,
    {
        Self {
            group: <S::Kind as k8s_openapi::Resource>::GROUP,
            version: <S::Kind as k8s_openapi::Resource>::VERSION,
            stored_is_served: true,
            lifetime: Lifetime::ALWAYS,
            also: &[],
            also_served: u32::MAX,
            unconditional_update: true,
            kind: <S::Kind as k8s_openapi::Resource>::KIND,
            singular: None,
            list_kind: None,
            plural: <S::Kind as k8s_openapi::Resource>::URL_PATH_SEGMENT,
            namespaced: false,
            short_names: &[],
            categories: &[],
            verbs: ALL_VERBS,
            subresources: &[],
            storage: <S::Kind as k8s_openapi::Resource>::URL_PATH_SEGMENT,
            create_on_update: false,
            object_type: &const { ObjectType::of::<S::Kind>() },
            strategy: StrategyRef::BuiltIn(strategy),
        }
    }

    /// A namespaced kind, with all verbs and without subresources.
    pub const fn namespaced<S: Strategy>(strategy: &'static S) -> Self
    where
        S::Kind: k8s_openapi::Resource + DeserializeOwned + Described,
    {
        let mut row = Self::cluster(strategy);
        row.namespaced = true;
        row
    }

    /// Further group versions that serve the same objects.
    #[must_use]
    pub const fn also(mut self, also: &'static [Served]) -> Self {
        self.also = also;
        self
    }

    /// The first minor release that serves the stored version, if that is none of old.
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

    /// Short names.
    #[must_use]
    pub const fn short_names(mut self, short_names: &'static [&'static str]) -> Self {
        self.short_names = short_names;
        self
    }

    /// Categories.
    #[must_use]
    pub const fn categories(mut self, categories: &'static [&'static str]) -> Self {
        self.categories = categories;
        self
    }

    /// Other verbs than the default.
    #[must_use]
    pub const fn verbs(mut self, verbs: &'static [Verb]) -> Self {
        self.verbs = verbs;
        self
    }

    /// Subresources, in the order of their names.
    #[must_use]
    pub const fn subresources(mut self, subresources: &'static [Subresource]) -> Self {
        self.subresources = subresources;
        self
    }

    /// Another part of the storage key than the plural.
    #[must_use]
    pub const fn stored_as(mut self, storage: &'static str) -> Self {
        self.storage = storage;
        self
    }

    /// A PUT to a missing name creates the object.
    #[must_use]
    pub const fn created_by_put(mut self) -> Self {
        self.create_on_update = true;
        self
    }

    /// A change must contain the resource version.
    #[must_use]
    pub const fn changed_by_version(mut self) -> Self {
        self.unconditional_update = false;
        self
    }
}

impl Resource {
    /// The resource, in the form of error texts.
    pub const fn group_resource(&self) -> GroupResource<'static> {
        GroupResource {
            group: self.group,
            resource: self.plural,
        }
    }

    /// The kind, in the form of error texts.
    pub const fn group_kind(&self) -> GroupKind<'static> {
        GroupKind {
            group: self.group,
            kind: self.kind,
        }
    }

    /// The singular, lower-case name, such as `pod`.
    pub fn singular(&self) -> String {
        let named = self.singular.map(str::to_owned);
        named.unwrap_or_else(|| self.kind.to_lowercase())
    }

    /// The kind of lists, such as `PodList`.
    pub fn list_kind(&self) -> String {
        let named = self.list_kind.map(str::to_owned);
        named.unwrap_or_else(|| format!("{}List", self.kind))
    }

    /// The `apiVersion` objects are stored under.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The label of stored objects; `api_version` is [`Resource::api_version`].
    pub const fn type_meta<'a>(&self, api_version: &'a str) -> TypeMeta<'a> {
        TypeMeta {
            api_version,
            kind: self.kind,
        }
    }

    /// Reads an object that a client of a version sent; nothing is defaulted that a schema does not
    /// default.
    ///
    /// # Errors
    /// For wrong types.
    pub fn decode<'d>(
        &self,
        api_version: &str,
        document: impl Into<Source<'d>>,
    ) -> Result<Decoded<Box<dyn Object>>, DecodeError> {
        let document = document.into();
        if let StrategyRef::Custom(custom) = &self.strategy {
            let decoded = custom.decode(api_version, &document.value())?;
            return Ok(decoded.map(|object| Box::new(object) as _));
        }
        let decoded = (self.object_type(api_version).decode)(document)?;
        Ok(match self.conversion(api_version) {
            Some(conversion) => decoded.map(|served| (conversion.to_stored)(served.as_ref())),
            None => decoded,
        })
    }

    /// Decodes an object that server-side apply has merged.
    ///
    /// # Errors
    /// For wrong types.
    pub fn decode_applied(
        &self,
        api_version: &str,
        document: &Value,
    ) -> Result<Decoded<Box<dyn Object>>, DecodeError> {
        let StrategyRef::Custom(custom) = &self.strategy else {
            return self.decode(api_version, document);
        };
        let decoded = custom.decode_applied(api_version, document)?;
        Ok(decoded.map(|object| Box::new(object) as _))
    }

    /// Whether the resource itself has a verb.
    pub fn supports(&self, verb: Verb) -> bool {
        self.verbs.contains(&verb)
    }

    /// Whether objects are answered and not stored.
    pub fn is_review(&self) -> bool {
        self.verbs == CREATE_ONLY
    }

    /// The subresources of a version: those of a custom kind may differ.
    pub fn subresources_of(&self, api_version: &str) -> impl Iterator<Item = &'static Subresource> {
        let custom = self.strategy.custom();
        let below = self.subresources.iter();
        below.filter(move |s| custom.is_none_or(|kind| kind.offers(api_version, s.name)))
    }

    /// The subresource of that name.
    pub fn subresource(&self, name: &str) -> Option<&'static Subresource> {
        self.subresources.iter().find(|s| s.name == name)
    }
}
