//! Many objects of any kind, made through a server.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use http::Method;

use crate::target::Target;

const MAKERS: usize = 16;

#[derive(clap::Args)]
pub struct Args {
    #[arg(long)]
    server: Target,
    /// The path of the collection.
    #[arg(long)]
    path: String,
    /// An object, in which `{}` becomes its number.
    #[arg(long)]
    object: String,
    #[arg(long)]
    count: usize,
}

/// Makes those that are not there yet.
pub async fn run(args: &Args) {
    let next = &AtomicUsize::new(0);
    let makers = args.server.connections(MAKERS).await.into_iter();
    let makers = makers.map(|mut connection| async move {
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= args.count {
                return;
            }
            let object = args.object.replace("{}", &n.to_string());
            let answer = connection.ask(Method::POST, &args.path, object);
            let answer = answer.await.unwrap();
            assert!(matches!(answer.code, 201 | 409), "{answer:?}");
        }
    });
    join_all(makers).await;
}
