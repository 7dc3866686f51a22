//! The look-ups of admission plugins, each kind from where it is cheapest.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{LimitRange, Namespace, ResourceQuota, ServiceAccount};
use k8s_openapi::api::networking::v1::IngressClass;
use k8s_openapi::api::node::v1::RuntimeClass;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::StorageClass;
use portcullis_admission::Lookups;
use portcullis_admission::lookup::KindServed;
use portcullis_api::psp::PodSecurityPolicy;
use portcullis_rbac::Authorizer;
use portcullis_storage::cache::Cache;

use crate::catalogues::CurrentCatalogue;
use crate::conversion::Conversions;
use crate::indices::PodSecurityPolicySink;
use crate::informer::{self, Informer, OnDemand};
use crate::metadata;
use crate::params::Params;
use crate::permissions::AuthorizersPermissions;
use crate::quota::Ledger;
use portcullis_kinds::table;

/// Informers for small kinds that are looked up often, and the store for the rest.
pub fn start(
    cache: &Arc<Cache>,
    prefix: &str,
    authorizer: &Arc<dyn Authorizer>,
    catalogues: Arc<CurrentCatalogue>,
    conversions: Conversions,
) -> Lookups {
    let nothing = Lookups::nothing(
        Arc::new(AuthorizersPermissions(authorizer.clone())),
        metadata::generate_name,
    );
    let lookups = Lookups {
        namespaces: Informer::<Namespace>::start(cache, prefix, table::NAMESPACES),
        service_accounts: Informer::<ServiceAccount>::start(cache, prefix, table::SERVICE_ACCOUNTS),
        pods: OnDemand::new(cache.clone(), prefix, table::PODS),
        nodes: OnDemand::new(cache.clone(), prefix, table::NODES),
        resource_quotas: Informer::<ResourceQuota>::start(cache, prefix, table::RESOURCE_QUOTAS),
        quota_ledger: Arc::new(Ledger::new(cache.clone(), prefix, catalogues.clone())),
        limit_ranges: Informer::<LimitRange>::start(cache, prefix, table::LIMIT_RANGES),
        priority_classes: Informer::<PriorityClass>::start(cache, prefix, table::PRIORITY_CLASSES),
        storage_classes: Informer::<StorageClass>::start(cache, prefix, table::STORAGE_CLASSES),
        ingress_classes: Informer::<IngressClass>::start(cache, prefix, table::INGRESS_CLASSES),
        runtime_classes: Informer::<RuntimeClass>::start(cache, prefix, table::RUNTIME_CLASSES),
        params: Arc::new(Params::new(
            cache.clone(),
            prefix,
            catalogues.clone(),
            conversions,
        )),
        resource_of: Arc::new(move |api_version, kind| {
            let catalogue = catalogues.current();
            let found = catalogue.find_kind(api_version, kind)?;
            Some(KindServed {
                resource: found.group_resource(),
                is_namespaced: found.namespaced,
            })
        }),
        ..nothing
    };
    let policies = Arc::new(PodSecurityPolicySink(lookups.pod_security_policies.clone()));
    informer::feed::<PodSecurityPolicy>(cache, prefix, table::POD_SECURITY_POLICIES, policies);
    lookups
}
