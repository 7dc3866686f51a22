//! Fills a store with many objects, faster than through a server.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use portcullis_storage::embedded::EmbeddedStorage;
use portcullis_storage::{Entry, ReadAt, Storage};
use serde_json::Value;

#[derive(clap::Args)]
pub struct Args {
    /// The data directory, in whose store there is an object `template` in `default` to be copied.
    #[arg(long)]
    data_dir: PathBuf,
    /// The kind, as in the keys of the store.
    #[arg(long, default_value = "pods")]
    kind: String,
    #[arg(long, default_value_t = 100_000)]
    objects: usize,
    #[arg(long, default_value_t = 1_000)]
    namespaces: usize,
    /// About how large each is, in bytes.
    #[arg(long, default_value_t = 2048)]
    size: usize,
}

pub async fn run(args: &Args) {
    let store = Arc::new(EmbeddedStorage::open(&args.data_dir.join("store")).unwrap());
    let key = format!("/registry/{}/default/template", args.kind);
    let found = store.get(&key, ReadAt::Latest).await.unwrap();
    let template = found.entry.expect("an object to be copied");
    let (objects, namespaces, size) = (args.objects, args.namespaces, args.size);
    let writers = (0..64).map(|writer| {
        let (store, template) = (store.clone(), template.clone());
        tokio::spawn(async move {
            for n in (writer..objects).step_by(64) {
                let (key, value) = copy(&template, n, namespaces, size);
                store.create(&key, value).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    store.close().await;
    let bytes = copy(&template, 0, namespaces, size).1.len();
    let kind = &args.kind;
    println!("{objects} {kind} of {bytes} bytes in {namespaces} namespaces");
}

/// Copy number `n`: as the server would have written it, except for the size, which annotations add.
fn copy(template: &Entry, n: usize, namespaces: usize, size: usize) -> (String, Bytes) {
    let (namespace, name) = (format!("ns-{}", n % namespaces), format!("copy-{n}"));
    let prefix = template.key.strip_suffix("default/template").unwrap();
    let text = std::str::from_utf8(&template.value).unwrap();
    let value: Value = serde_json::from_slice(&template.value).unwrap();
    let old = |field: &str| value["metadata"][field].as_str().unwrap().to_owned();
    // Text for text, so that the order of fields stays that of the server.
    let text = text
        .replace(&old("uid"), &format!("00000000-0000-4000-8000-{n:012}"))
        .replace(
            &format!(
                "\"name\":\"{}\",\"namespace\":\"{}\"",
                old("name"),
                old("namespace")
            ),
            &format!("\"name\":\"{name}\",\"namespace\":\"{namespace}\""),
        );
    assert!(text.contains(&name) && text.contains(&namespace), "{text}");
    let padding = "x".repeat(size.saturating_sub(text.len()));
    let text = text.replace("PADDING", &padding);
    (format!("{prefix}{namespace}/{name}"), Bytes::from(text))
}
