//! Each verb, through TLS and the whole chain.

mod connect;
mod create;
mod delete;
mod list;
mod long_lists;
mod methods;
mod patch;
mod query;
mod random;
mod releases;
mod reviews;
mod scale;
mod services;
mod small;
mod stored;
mod update;
mod versions;
pub mod watch;
mod wire;
mod zeros;

/// Without the controller whose config maps would come between those of a test.
pub const NO_OTHER_MAPS: &str = "--controllers=*,-root-ca-cert-publisher";
