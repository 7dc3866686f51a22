//! Many objects of any kind, made through a server.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use http::Method;

use crate::target::Target;

/// How many connections make them.
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

pub async fn run(args: &Args) {
    let object = |n: usize| args.object.replace("{}", &n.to_string());
    make(&args.server, &args.path, 0..args.count, object).await;
}

/// Makes the objects with these numbers, unless they are there already.
pub async fn make(
    target: &Target,
    path: &str,
    numbers: Range<usize>,
    object: impl Fn(usize) -> String,
) {
    let (next, object) = (&AtomicUsize::new(numbers.start), &object);
    let makers = target.connections(MAKERS).await.into_iter();
    let makers = makers.map(|mut connection| async move {
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= numbers.end {
                return;
            }
            let answer = connection.ask(Method::POST, path, object(n));
            let answer = answer.await.unwrap();
            assert!(matches!(answer.code, 201 | 409), "{answer:?}");
        }
    });
    join_all(makers).await;
}
