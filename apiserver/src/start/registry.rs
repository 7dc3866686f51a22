//! The registry with what it asks: look-ups, guards, ranges, the conversion of custom objects.

use std::sync::Arc;

use k8s_openapi::api::admissionregistration::v1::{
    MutatingAdmissionPolicy, ValidatingAdmissionPolicy,
};
use portcullis_admission::{Configuration, Lookups, Selection};
use portcullis_kinds::offer::Offer;
use portcullis_kinds::table;
use portcullis_rbac::{Authorizer, Index};
use portcullis_registry::catalogues::CurrentCatalogue;
use portcullis_registry::conversion::Conversions;
use portcullis_registry::escalation::EscalationGuard;
use portcullis_registry::informer::Informer;
use portcullis_registry::param_access::ParamAccess;
use portcullis_registry::ranges::ServiceRanges;
use portcullis_registry::{Guard, Registry, definitions, indices, lookups};
use portcullis_storage::Storage;
use portcullis_storage::cache::Cache;

use super::authorization::{Authorizers, InForce};
use super::error::StartError;
use super::hooks::Hooks;
use super::store::OpenStore;
use crate::config::Serve;
use crate::outbound::conversion_webhooks::ConversionWebhooks;
use crate::outbound::services::ServiceResolver;

/// The registry, and the authorizers, which its escalation guard uses.
pub(super) fn build(
    options: &Serve,
    (selection, configuration, offer): (&Selection, Configuration, Offer),
    stored: &OpenStore,
    hooks: &Hooks,
    authorizers: Authorizers,
) -> Result<(Arc<Registry>, InForce), StartError> {
    let (cache, prefix) = (&stored.cache, &stored.prefix);
    let roles = Arc::new(Index::new());
    indices::feed_rbac(cache, prefix, &roles);
    let union = authorizers.union(&roles, || indices::node_graph(cache, prefix));
    let in_force = union?;
    let authorizer = in_force.authorizer.clone();
    let catalogues = Arc::new(CurrentCatalogue::new(offer));
    definitions::start(cache, prefix, catalogues.clone());
    let conversions = conversions(stored, hooks);
    let found = lookups::start(
        cache,
        prefix,
        &authorizer,
        catalogues.clone(),
        conversions.clone(),
    );
    let lookups = Lookups {
        configuration: Arc::new(configuration),
        webhooks: hooks.webhooks.clone(),
        validating_policies: hooks.validating_policies.clone(),
        mutating_policies: hooks.mutating_policies.clone(),
        ..found
    };
    let registry = Registry::new(
        cache.clone(),
        prefix,
        selection.build(&lookups),
        guards(stored, roles, &authorizer, &catalogues),
        service_ranges(options, cache, prefix)?,
        catalogues,
    );
    let registry = registry
        .allow_privileged(options.allow_privileged)
        .converting(conversions);
    Ok((Arc::new(registry), in_force))
}

/// The conversion of custom objects.
fn conversions(stored: &OpenStore, hooks: &Hooks) -> Conversions {
    let store: Arc<dyn Storage> = stored.cache.clone();
    let services = ServiceResolver::new(&store, &stored.prefix);
    let webhooks = ConversionWebhooks::new(Arc::new(services), hooks.conversions.clone());
    Conversions::new(Arc::new(webhooks))
}

/// The guards of writes.
fn guards(
    stored: &OpenStore,
    roles: Arc<Index>,
    authorizer: &Arc<dyn Authorizer>,
    catalogues: &Arc<CurrentCatalogue>,
) -> Box<dyn Guard> {
    let (cache, prefix) = (&stored.cache, &stored.prefix);
    let validating = table::VALIDATING_ADMISSION_POLICIES;
    let mutating = table::MUTATING_ADMISSION_POLICIES;
    let guards: Vec<Box<dyn Guard>> = vec![
        Box::new(EscalationGuard::new(roles, authorizer.clone())),
        Box::new(ParamAccess {
            authorizer: authorizer.clone(),
            catalogues: catalogues.clone(),
            validating: Informer::<ValidatingAdmissionPolicy>::start(cache, prefix, validating),
            mutating: Informer::<MutatingAdmissionPolicy>::start(cache, prefix, mutating),
        }),
    ];
    Box::new(guards)
}

/// The ranges that services get addresses and ports from.
fn service_ranges(
    options: &Serve,
    cache: &Arc<Cache>,
    prefix: &str,
) -> Result<ServiceRanges, StartError> {
    let storage: Arc<dyn Storage> = cache.clone();
    let services = &options.services;
    ServiceRanges::new(
        &storage,
        prefix,
        services.service_cluster_ip_range,
        services.service_node_port_range,
    )
    .map_err(|why| StartError::option("--service-cluster-ip-range", why))
}
