//! Reading: one object over and over, and one collection.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;

use crate::client::Connection;
use crate::samples::Samples;
use crate::target::{MAPS, Target, map};

#[derive(clap::Args)]
pub struct GetArgs {
    /// A server on the embedded store.
    #[arg(long)]
    embedded: Target,
    /// A server on etcd.
    #[arg(long)]
    on_etcd: Target,
    /// That etcd.
    #[arg(long)]
    etcd: Uri,
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// How long each is measured, each time.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// The number of rounds.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

#[derive(clap::Args)]
pub struct ListArgs {
    #[arg(long)]
    server: Target,
    /// The collection, such as `/api/v1/namespaces/default/pods`.
    #[arg(long)]
    path: String,
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

const READ: &str = "/api/v1/namespaces/default/configmaps/read";

async fn get(mut connection: Connection) -> Connection {
    let answer = connection.ask(Method::GET, READ, "").await.unwrap();
    assert_eq!(answer.code, 200, "{answer:?}");
    connection
}

pub async fn gets(args: &GetArgs) {
    let (mut embedded, mut on_etcd) = (Samples::default(), Samples::default());
    let mut ranges = 0;
    for target in [&args.embedded, &args.on_etcd] {
        let answer = target.admin().post(MAPS, &map("read")).await;
        assert_eq!(answer.code, 201, "{answer:?}");
    }
    let time = Duration::from_secs(args.seconds);
    for _ in 0..args.rounds {
        let connections = args.embedded.connections(args.connections).await;
        embedded.add(Samples::of(connections, time, None, |c, _| Box::pin(get(c))).await);
        let connections = args.on_etcd.connections(args.connections).await;
        let before = range_requests(&args.etcd).await;
        on_etcd.add(Samples::of(connections, time, None, |c, _| Box::pin(get(c))).await);
        ranges += range_requests(&args.etcd).await - before;
    }
    let (count, ratio) = (
        args.connections,
        on_etcd.quantile(0.5) / embedded.quantile(0.5),
    );
    println!("{count} connections GET, embedded: {}", embedded.line());
    println!("{count} connections GET, on etcd: {}", on_etcd.line());
    println!("p50 on etcd, of the embedded one: {ratio:.2} (goal: under 2)");
    println!(
        "requests that shared one read of etcd's revision: {:.1}",
        on_etcd.count() as f64 / ranges.max(1) as f64
    );
}

/// How many reads etcd has answered.
async fn range_requests(etcd: &Uri) -> u64 {
    let client = HttpClient::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let uri: Uri = format!("{etcd}metrics").parse().unwrap();
    let request = Request::get(uri).body(Empty::new()).unwrap();
    let answer = client.request(request).await.unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&body);
    let line = text.lines().find(|line| {
        line.starts_with("grpc_server_handled_total{grpc_code=\"OK\",grpc_method=\"Range\"")
    });
    let count = line.and_then(|line| line.split(' ').next_back());
    count.map_or(0, |count| count.parse::<f64>().unwrap() as u64)
}

pub async fn lists(args: &ListArgs) {
    let admin = args.server.admin();
    let answer = admin.post(MAPS, &map("read")).await;
    assert!(matches!(answer.code, 201 | 409), "{answer:?}");
    let connection = admin.connect().await.unwrap();
    let bytes = list(connection, &args.path).await.1;
    let time = Duration::from_secs(args.seconds);
    let mut alone = paced(&args.server, time).await;
    println!("GETs while nothing else happens: {}", alone.line());
    let path = args.path.clone();
    let lists = tokio::spawn(async move {
        let begun = Instant::now();
        let (mut connection, mut count) = (admin.connect().await.unwrap(), 0);
        while begun.elapsed() < time {
            connection = list(connection, &path).await.0;
            count += 1;
        }
        begun.elapsed() / count
    });
    let mut beside = paced(&args.server, time).await;
    let took = lists.await.unwrap().as_millis();
    println!("list of {bytes} bytes, one after the other: {took} ms each");
    println!("GETs meanwhile: {}", beside.line());
}

/// GETs at a rate that leaves the server idle most of the time.
async fn paced(server: &Target, time: Duration) -> Samples {
    let connections = server.connections(4).await;
    Samples::of(connections, time, Some(200.0), |c, _| Box::pin(get(c))).await
}

/// Reads a collection piece by piece, and counts its bytes.
async fn list(mut connection: Connection, path: &str) -> (Connection, usize) {
    let answer = connection.send(Method::GET, path, "").await.unwrap();
    assert_eq!(answer.status(), 200, "{answer:?}");
    let (mut body, mut bytes) = (answer.into_body(), 0);
    while let Some(frame) = body.frame().await {
        bytes += frame.unwrap().data_ref().map_or(0, Bytes::len);
    }
    (connection, bytes)
}
