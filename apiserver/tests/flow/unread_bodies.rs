//! Bodies of requests that are answered before they are read.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::support::server::TestServer;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A frame of HTTP/2 on a stream.
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let [.., a, b, c] = payload.len().to_be_bytes();
    [&[a, b, c, kind, flags, 0, 0, 0, stream], payload].concat()
}

/// The kind and the flags of the next frame.
async fn next(stream: &mut TlsStream<TcpStream>) -> (u8, u8) {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.unwrap();
    let [a, b, c, kind, flags, ..] = head;
    let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
    stream.read_exact(&mut payload).await.unwrap();
    (kind, flags)
}

/// Some clients drop a response whose stream is reset, although it has arrived.
#[tokio::test]
async fn the_stream_of_an_early_response_is_not_reset() {
    let server = TestServer::start(&[]).await;
    let mut stream = server.anonymous().raw().await;
    // `:method: POST`, `:scheme: https`, `:path: /none`, `:authority: x`
    let fields = b"\x83\x87\x04\x05/none\x01\x01x";
    let opening = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(SETTINGS, 0, 0, &[]),
        frame(HEADERS, END_HEADERS, 1, fields),
    ];
    stream.write_all(&opening.concat()).await.unwrap();
    let mut kinds = Vec::new();
    loop {
        let (kind, flags) = next(&mut stream).await;
        kinds.push(kind);
        if matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 {
            break;
        }
    }
    let rest = [
        frame(DATA, END_STREAM, 1, b"{}"),
        frame(PING, 0, 0, b"answered"),
    ];
    stream.write_all(&rest.concat()).await.unwrap();
    while kinds.last() != Some(&PING) {
        kinds.push(next(&mut stream).await.0);
    }
    assert!(!kinds.contains(&RESET), "{kinds:?}");
}
