use std::future::poll_fn;
use std::time::Duration;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_rustls::client::TlsStream as Client;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;
use crate::config::Deadlines;
use crate::serving::heads::Heads;
use crate::serving::progress::Verdict;
use crate::serving::stream::Stream;

/// A socket whose received bytes are kept.
struct Tapped {
    socket: TcpStream,
    received: Vec<u8>,
}

impl AsyncRead for Tapped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(context, buffer))?;
        self.received.extend_from_slice(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tapped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

/// Both ends of a connection for HTTP/2 after its handshake, without tickets.
async fn shaken() -> (TlsStream<TcpStream>, Client<Tapped>) {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], PrivateKeyDer::Pkcs8(key))
        .unwrap();
    server.send_tls13_tickets = 0;
    server.alpn_protocols = vec![b"h2".to_vec()];
    let mut roots = RootCertStore::empty();
    roots.add(own.cert.der().clone()).unwrap();
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols.clone_from(&server.alpn_protocols);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let socket = TcpStream::connect(listener.local_addr().unwrap());
    let (socket, accepted) = tokio::join!(socket, listener.accept());
    let tapped = Tapped {
        socket: socket.unwrap(),
        received: Vec::new(),
    };
    let connector = TlsConnector::from(Arc::new(client));
    let connecting = connector.connect("localhost".try_into().unwrap(), tapped);
    let accepting = TlsAcceptor::from(Arc::new(server)).accept(accepted.unwrap().0);
    let (client, server) = tokio::join!(connecting, accepting);
    let mut client = client.unwrap();
    client.get_mut().0.received.clear();
    (server.unwrap(), client)
}

async fn connected(progress: &Arc<Progress>, all: &Encrypted) -> (Outgoing, Client<Tapped>) {
    let (connection, client) = shaken().await;
    let outgoing = Outgoing::new(connection, progress.clone(), all.clone());
    (outgoing, client)
}

/// The lengths of records, as their heads have them.
fn records(mut received: &[u8]) -> Vec<usize> {
    let mut lengths = Vec::new();
    while let [_, _, _, high, low, rest @ ..] = received {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        lengths.push(length);
        received = &rest[length..];
    }
    lengths
}

#[tokio::test]
async fn frames_of_a_list_fill_records() {
    const FRAMES: usize = 30;
    let (progress, all) = (Progress::begin(), Encrypted::default());
    let (mut outgoing, mut client) = connected(&progress, &all).await;
    let (head, payload) = ([1; 9], vec![2; RECORD]);
    let written = tokio::spawn(async move {
        for _ in 0..FRAMES {
            let parts = [IoSlice::new(&head), IoSlice::new(&payload)];
            let taken = poll_fn(|context| outgoing.poll_gather(context, &parts)).await;
            assert_eq!(taken.unwrap(), 9 + RECORD);
        }
        poll_fn(|context| outgoing.poll_send(context))
            .await
            .unwrap();
        outgoing
    });
    let mut read = vec![0; FRAMES * (9 + RECORD)];
    client.read_exact(&mut read).await.unwrap();
    let frame = [&[1; 9][..], &[2; RECORD]].concat();
    assert!(read.chunks(9 + RECORD).all(|chunk| chunk == frame));
    // a type and a tag beside the bytes
    let mut expected = vec![RECORD + 17; FRAMES];
    expected.push(FRAMES * 9 + 17);
    assert_eq!(records(&client.get_ref().0.received), expected);
    let outgoing = written.await.unwrap();
    assert_eq!((outgoing.encrypted, outgoing.rest.capacity()), (0, 0));
    assert_eq!(all.0.load(Ordering::Relaxed), 0);
    assert!(progress.has_taken());
}

#[tokio::test]
async fn a_stream_of_http2_is_sent_by_its_outbox_and_before_it_is_closed() {
    let (connection, mut client) = shaken().await;
    let heads = Heads::new(1024);
    let mut stream = Stream::new(connection, Progress::begin(), &heads, &Encrypted::default());
    let outbox = stream.outbox();
    stream.write_all(b"one").await.unwrap();
    stream.flush().await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(50), client.read_u8()).await;
    assert!(early.is_err(), "it is gathered");
    poll_fn(|context| outbox.poll_send(context)).await.unwrap();
    let mut read = [0; 3];
    client.read_exact(&mut read).await.unwrap();
    stream.write_all(b"other").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut end = Vec::new();
    client.read_to_end(&mut end).await.unwrap();
    assert_eq!((&read, end.as_slice()), (b"one", &b"other"[..]));
}

#[tokio::test]
async fn what_is_gathered_arrives_in_its_order_however_it_is_sent() {
    let progress = Progress::begin();
    let (mut outgoing, mut client) = connected(&progress, &Encrypted::default()).await;
    let bytes: Vec<u8> = (0..6_000_000_u32).map(|n| (n / 7 % 251) as u8).collect();
    let expected = bytes.clone();
    let written = tokio::spawn(async move {
        let (mut at, mut seed) = (0, 1_u64);
        while at < bytes.len() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let size = (seed >> 33) as usize % [40, 20_000, 200_000][at % 3];
            let end = (at + size).min(bytes.len());
            let (one, other) = bytes[at..end].split_at((end - at) / 3);
            let parts = [IoSlice::new(one), IoSlice::new(&[]), IoSlice::new(other)];
            let taken = poll_fn(|context| outgoing.poll_gather(context, &parts)).await;
            at += taken.unwrap();
            assert!(outgoing.encrypted <= MOST && outgoing.rest.len() < RECORD);
            if seed & 64 == 0 {
                let sent = poll_fn(|context| outgoing.poll_send(context)).await;
                sent.unwrap();
            }
        }
        poll_fn(|context| outgoing.poll_send(context))
            .await
            .unwrap();
        outgoing
    });
    let mut read = Vec::new();
    while read.len() < expected.len() {
        assert!(client.read_buf(&mut read).await.unwrap() > 0);
    }
    assert!(read == expected);
    drop(written.await.unwrap());
}

/// Gathers records until the client has to be waited for.
async fn fill(outgoing: &mut Outgoing) {
    let payload = vec![0; RECORD];
    let frame = [IoSlice::new(&payload)];
    let mut gather = std::pin::pin!(poll_fn(|context| outgoing.poll_gather(context, &frame)));
    let wait = Duration::from_millis(200);
    while let Ok(gathered) = tokio::time::timeout(wait, gather.as_mut()).await {
        gathered.unwrap();
    }
}

#[tokio::test]
async fn a_client_that_reads_nothing_blocks_and_is_noted() {
    let (progress, all) = (Progress::begin(), Encrypted::default());
    let (mut outgoing, client) = connected(&progress, &all).await;
    fill(&mut outgoing).await;
    let deadlines = Deadlines::default();
    let later = Instant::now() + deadlines.stalled;
    let verdict = progress.verdict(later, &deadlines);
    let blocked = Verdict::Overdue("the client does not receive data");
    assert_eq!(verdict, blocked);
    assert_eq!((outgoing.encrypted, outgoing.rest.len()), (MOST, 0));
    let small = [IoSlice::new(&[0; 17])];
    for _ in 0..100 {
        let gathered = poll_fn(|context| outgoing.poll_gather(context, &small)).await;
        assert_eq!(gathered.unwrap(), 17);
        let sent = poll_fn(|context| Poll::Ready(outgoing.poll_send(context))).await;
        assert!(sent.is_pending());
    }
    assert_eq!((outgoing.encrypted, outgoing.rest.len()), (MOST, 1_700));
    assert_eq!(all.0.load(Ordering::Relaxed), MOST);
    drop((outgoing, client));
    assert_eq!(all.0.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn many_such_clients_hold_a_record_each() {
    let (progress, all) = (Progress::begin(), Encrypted::default());
    all.0.store(ALL, Ordering::Relaxed);
    let (mut outgoing, client) = connected(&progress, &all).await;
    fill(&mut outgoing).await;
    assert_eq!((outgoing.encrypted, outgoing.rest.len()), (RECORD, 0));
    drop((outgoing, client));
}
