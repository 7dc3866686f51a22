//! What runs by itself: what exists from the start, the server's own service, and the few controllers
//! that users take for the API server's own.
//!
//! Each runs over the watch cache, through the same registry as any client, as the user that
//! upstream's controller is. Several servers on one etcd elect the one that runs them ([`leader`]).

pub mod api_services;
pub mod availability;
pub mod bootstrap;
pub mod definitions;
pub mod own_service;

// Which controllers run, and where.
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

// How they work.
pub mod edit;
pub mod follow;
pub mod queue;

#[cfg(test)]
mod testing;
