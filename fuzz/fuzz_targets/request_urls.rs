//! Method, path and query: for any input the request is parsed or rejected.
#![no_main]

use http::Method;
use libfuzzer_sys::fuzz_target;
use portcullis_kinds::table::find;
use portcullis::request::{Query, RequestInfo};

fuzz_target!(|data: &[u8]| {
    let Some((first, url)) = data.split_first() else {
        return;
    };
    let Ok(url) = std::str::from_utf8(url) else {
        return;
    };
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD];
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let options = Query::new(query);
    let info = RequestInfo::parse(&methods[usize::from(*first) % methods.len()], path, &options);
    let _ = options.write_options("CreateOptions");
    let _ = options.read_at();
    let _ = options.watch_from();
    if let RequestInfo::Resource(request) = info
        && let Some(resource) = find(&request.api_version(), &request.resource)
    {
        let _ = options.list(resource, &request.api_version());
    }
});
