//! The kinds of the server: names, versions and rules, without I/O.
//!
//! A kind is a row of the [`table`]; everything that names kinds (discovery, `OpenAPI`, RBAC, storage
//! keys, Tables) derives from the rows. A row's [`strategy`] holds the rules of the kind: defaults,
//! validation, what an update may change, columns.

pub mod catalogue;
pub mod custom;
pub mod declared;
pub mod duration;
pub mod intern;
pub mod kinds;
pub mod offer;
pub mod release;
pub mod resource;
pub mod row;
pub mod schemas;
pub mod shared;
pub mod strategy;
pub mod strategy_ref;
pub mod table;
pub mod time;
pub mod type_check;
pub mod validation;
pub mod version;
pub mod version_order;
