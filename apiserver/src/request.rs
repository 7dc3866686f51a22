//! The meaning of a request, parsed once from its method and URL.

pub mod audit_id;
pub mod info;
pub mod peer;
pub mod query;

use std::sync::Arc;

use http::{Method, Uri};

pub use self::audit_id::AuditId;
pub use self::info::{RequestInfo, ResourceRequest};
pub use self::peer::Peer;
pub use self::query::Query;

/// A request as its URL describes it, shared by everything that serves it.
#[derive(Debug)]
pub struct Described {
    /// Its target.
    pub info: RequestInfo,
    /// The parameters of its query.
    pub query: Query,
}

impl Described {
    /// Reads method, path and query.
    pub fn of(method: &Method, uri: &Uri) -> Arc<Self> {
        let query = Query::new(uri.query().unwrap_or_default());
        let info = RequestInfo::parse(method, uri.path(), &query);
        Arc::new(Self { info, query })
    }
}
