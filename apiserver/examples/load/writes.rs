//! The cost of writes through a server.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use portcullis_storage::Storage;
use portcullis_storage::etcd::{EtcdOptions, EtcdStorage};

use crate::client::Connection;
use crate::samples::Samples;
use crate::target::{MAPS, Target, map};

#[derive(clap::Args)]
pub struct Args {
    /// The server.
    #[arg(long)]
    server: Target,
    /// The etcd it is on.
    #[arg(long)]
    etcd: String,
    #[arg(long, default_value_t = 64)]
    writers: usize,
    /// How long each is measured, each time.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// The number of rounds.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// A client that creates objects.
struct Writer<T> {
    through: T,
    prefix: String,
    size: usize,
}

impl<T> Writer<T> {
    fn all(through: Vec<T>, prefix: &str, size: usize) -> Vec<Self> {
        let prefix = prefix.to_owned();
        let writers = through.into_iter().map(|through| Self {
            through,
            prefix: prefix.clone(),
            size,
        });
        writers.collect()
    }
}

pub async fn run(args: &Args) {
    let options = EtcdOptions::new([&args.etcd]);
    let store = Arc::new(EtcdStorage::connect(&options).await.unwrap());
    let answer = args.server.admin().post(MAPS, &map("sample")).await;
    assert_eq!(answer.code, 201, "{answer:?}");
    let (size, time) = (answer.body.len(), Duration::from_secs(args.seconds));
    let (mut bare, mut served) = (Samples::default(), Samples::default());
    for round in 0..args.rounds {
        let stores = vec![store.clone(); args.writers];
        let writers = Writer::all(stores, &format!("/bare/{round}"), size);
        bare.add(Samples::of(writers, time, None, |w, n| Box::pin(create_bare(w, n))).await);
        let connections = args.server.connections(args.writers).await;
        let writers = Writer::all(connections, &format!("w{round}"), size);
        served.add(Samples::of(writers, time, None, |w, n| Box::pin(create_served(w, n))).await);
    }
    println!(
        "{} writers of {size} bytes, bare etcd: {}",
        args.writers,
        bare.line()
    );
    println!(
        "{} writers of {size} bytes, through TLS: {}",
        args.writers,
        served.line()
    );
    println!(
        "through TLS, of bare etcd: {:.2} (goal: 0.6)",
        served.per_second() / bare.per_second()
    );
}

async fn create_bare(writer: Writer<Arc<EtcdStorage>>, n: usize) -> Writer<Arc<EtcdStorage>> {
    let key = format!("{}/{n}", writer.prefix);
    let value = Bytes::from(vec![b'x'; writer.size]);
    writer.through.create(&key, value).await.unwrap();
    writer
}

async fn create_served(mut writer: Writer<Connection>, n: usize) -> Writer<Connection> {
    let body = map(&format!("{}-{n}", writer.prefix)).to_string();
    let answer = writer.through.ask(Method::POST, MAPS, body).await.unwrap();
    assert_eq!(answer.code, 201, "{answer:?}");
    writer
}
