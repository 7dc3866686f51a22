//! Background work on objects: the first objects of a cluster, the server's own service, and the few
//! controllers that users take for a part of the API server.
//!
//! Each reads the watch cache and writes through the same registry as any client, as the user of upstream's
//! controller. Several servers on one etcd elect the one that runs them ([`leader`]).

pub mod api_services;
pub mod availability;
pub mod bootstrap;
pub mod definitions;
pub mod own_service;

// Which controllers run, and on which server.
pub mod enabled;
pub mod leader;
pub mod run;

// The controllers.
pub mod bootstrap_tokens;
pub mod certificates;
pub mod cluster_authentication;
pub mod clusterrole_aggregation;
pub mod event_ttl;
pub mod garbagecollector;
pub mod namespace;
pub mod nodelifecycle;
pub mod podgc;
pub mod protection;
pub mod resourcequota;
pub mod root_ca_cert_publisher;
pub mod serviceaccount;
pub mod services;
pub mod validatingadmissionpolicy_status;

// Shared by the controllers.
pub mod edit;
pub mod follow;
pub mod queue;

#[cfg(test)]
mod testing;
