//! The programs in a pod: servers that echo, and a client.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use portcullis_netpol::Protocol;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Longer than anything here takes: as denials are answered, no test waits for a timeout.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// After how long a UDP packet is sent again.
const AGAIN: Duration = Duration::from_millis(100);

/// The kind of an attempt.
#[derive(Clone, Copy, Debug)]
pub(super) enum Try {
    Tcp,
    Udp,
}

impl Try {
    pub(super) const fn protocol(self) -> Protocol {
        match self {
            Self::Tcp => Protocol::Tcp,
            Self::Udp => Protocol::Udp,
        }
    }
}

/// The destination of an attempt, and the pod that it finally reaches.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) kind: Try,
    pub(super) at: SocketAddr,
    pub(super) pod: usize,
    pub(super) port: u16,
}

enum Errand {
    Try(Vec<Way>, Option<Duration>),
    Open(SocketAddr),
}

enum Done {
    Tried(Vec<bool>),
    Opened(TcpStream),
}

pub(super) struct Agent {
    errands: Sender<Errand>,
    done: Receiver<Done>,
    connected: Arc<Mutex<Vec<TcpStream>>>,
    ended: Receiver<End>,
}

/// How a connection to a server ended: the port of its client, and the error of its last read, if any.
type End = (u16, Option<ErrorKind>);

impl Agent {
    /// Starts in a named network namespace; returns once its servers listen.
    pub(super) fn start(namespace: &str, tcp: &[u16], udp: &[u16]) -> Self {
        let (errands, to_do) = channel();
        let (finished, done) = channel();
        let (ready, is_ready) = channel();
        let (end, ended) = channel();
        let connected = Arc::new(Mutex::new(Vec::new()));
        let path = format!("/run/netns/{namespace}");
        let (tcp, udp, known) = (tcp.to_vec(), udp.to_vec(), connected.clone());
        thread::spawn(move || {
            let namespace = File::open(path).unwrap();
            let kind = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(namespace.as_fd(), kind).unwrap();
            for port in tcp {
                let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).unwrap();
                let (known, end) = (known.clone(), end.clone());
                thread::spawn(move || serve(&listener, &known, &end));
            }
            for port in udp {
                let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, port)).unwrap();
                thread::spawn(move || echo(&socket));
            }
            ready.send(()).unwrap();
            for errand in to_do {
                let done = match errand {
                    Errand::Try(ways, None) => {
                        Done::Tried(ways.iter().map(|way| tried(way, PATIENCE)).collect())
                    }
                    Errand::Try(ways, Some(patience)) => Done::Tried(all(ways, patience)),
                    Errand::Open(at) => {
                        Done::Opened(TcpStream::connect_timeout(&at, PATIENCE).unwrap())
                    }
                };
                if finished.send(done).is_err() {
                    return;
                }
            }
        });
        is_ready.recv().unwrap();
        Self {
            errands,
            done,
            connected,
            ended,
        }
    }

    /// Makes several attempts, one after the other, or all together with a time limit.
    pub(super) fn tried(&self, ways: Vec<Way>, patience: Option<Duration>) -> Vec<bool> {
        self.errands.send(Errand::Try(ways, patience)).unwrap();
        match self.done.recv().unwrap() {
            Done::Tried(reached) => reached,
            Done::Opened(_) => panic!("not what was asked"),
        }
    }

    pub(super) fn opened(&self, at: SocketAddr) -> Open {
        self.errands.send(Errand::Open(at)).unwrap();
        match self.done.recv().unwrap() {
            Done::Opened(stream) => Open(stream),
            Done::Tried(_) => panic!("not what was asked"),
        }
    }

    /// Has the server of a connection send something, and waits until that connection has ended there.
    pub(super) fn push(&self, open: &Open) -> Option<ErrorKind> {
        let port = open.0.local_addr().unwrap().port();
        for stream in self.connected.lock().unwrap().iter_mut() {
            if stream.peer_addr().is_ok_and(|peer| peer.port() == port) {
                stream.write_all(b"!").unwrap();
            }
        }
        loop {
            let (of, error) = self.ended.recv_timeout(PATIENCE).unwrap();
            if of == port {
                return error;
            }
        }
    }
}

/// An open connection.
pub(super) struct Open(TcpStream);

impl Open {
    /// Whether a sent byte comes back.
    pub(super) fn echoes(&mut self) -> bool {
        self.0.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = [0];
        self.0.write_all(b"?").is_ok() && matches!(self.0.read(&mut answer), Ok(1))
    }
}

fn serve(listener: &TcpListener, known: &Mutex<Vec<TcpStream>>, end: &Sender<End>) {
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { continue };
        let Ok(peer) = stream.peer_addr() else {
            continue;
        };
        let mut known = known.lock().unwrap();
        // as many as a test keeps open, and no more
        if known.len() == 8 {
            known.remove(0);
        }
        known.push(stream.try_clone().unwrap());
        let end = end.clone();
        thread::spawn(move || {
            let mut byte = [0];
            let error = loop {
                match stream.read(&mut byte) {
                    Ok(1) if stream.write_all(&byte).is_ok() => {}
                    Ok(_) => break None,
                    Err(error) => break Some(error.kind()),
                }
            };
            // the receiver may be gone
            let _ = end.send((peer.port(), error));
        });
    }
}

fn echo(socket: &UdpSocket) {
    let mut byte = [0];
    loop {
        if let Ok((_, from)) = socket.recv_from(&mut byte) {
            // a denied reply is reported at the next one
            let _ = socket.send_to(&byte, from);
        }
    }
}

fn all(ways: Vec<Way>, patience: Duration) -> Vec<bool> {
    let tries = ways
        .into_iter()
        .map(|way| thread::spawn(move || tried(&way, patience)));
    let tries: Vec<_> = tries.collect();
    tries.into_iter().map(|one| one.join().unwrap()).collect()
}

fn tried(way: &Way, patience: Duration) -> bool {
    match way.kind {
        Try::Tcp => TcpStream::connect_timeout(&way.at, patience).is_ok(),
        Try::Udp => {
            let any = if way.at.is_ipv4() {
                "0.0.0.0:0"
            } else {
                "[::]:0"
            };
            let socket = UdpSocket::bind(any).unwrap();
            socket.set_read_timeout(Some(AGAIN)).unwrap();
            socket.connect(way.at).unwrap();
            asked(&socket, patience)
        }
    }
}

/// Sends until there is a reply, or a denial: the kernel limits the number of its ICMP errors per second.
fn asked(socket: &UdpSocket, patience: Duration) -> bool {
    let mut waited = Duration::ZERO;
    while waited < patience {
        let received = socket.send(b"?").and_then(|_| socket.recv(&mut [0]));
        match received.map_err(|error| error.kind()) {
            Ok(_) => return true,
            Err(ErrorKind::WouldBlock | ErrorKind::TimedOut) => waited += AGAIN,
            Err(_) => return false,
        }
    }
    false
}
