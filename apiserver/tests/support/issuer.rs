//! An `OpenID` issuer of its own on loopback, with TLS and keys that can change.

use std::convert::Infallible;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use portcullis::pki::Authority;
use portcullis::serving::certificate::ServingCertificate;
use portcullis::serving::tls;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

/// Signs tokens with ES256.
pub struct Signer {
    key: EcdsaKeyPair,
    id: String,
}

impl Signer {
    /// With a key of its own.
    pub fn new(id: &str) -> Self {
        Self::of(&rcgen::KeyPair::generate().unwrap().serialize_pem(), id)
    }

    /// With the key of a PEM file.
    pub fn of(pem: &str, id: &str) -> Self {
        let PrivateKeyDer::Pkcs8(der) = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap()
        else {
            panic!("not PKCS#8");
        };
        let (random, algorithm) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let key = EcdsaKeyPair::from_pkcs8(algorithm, der.secret_pkcs8_der(), &random);
        Self {
            key: key.unwrap(),
            id: id.to_owned(),
        }
    }

    /// A token that says this.
    pub fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": "ES256", "kid": self.id});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&header), part(claims));
        let signature = self.key.sign(&SystemRandom::new(), text.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(signature.unwrap());
        format!("{text}.{signature}")
    }

    /// The key as issuers list it.
    pub fn jwk(&self) -> Value {
        let point = &self.key.public_key().as_ref()[1..];
        let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id,
            "x": number(&point[..32]), "y": number(&point[32..]),
        })
    }
}

/// An issuer that answers.
pub struct Issuer {
    address: SocketAddr,
    keys: Arc<Mutex<Vec<Value>>>,
    dir: TempDir,
}

impl Issuer {
    /// Serves these keys.
    pub async fn start(keys: Vec<Value>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::in_dir(dir.path()).unwrap();
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let identity = authority.server(&["localhost".into()], &[here]).unwrap();
        let certificate = ServingCertificate::fixed(&identity.certificate, &identity.key);
        let nobody = tokio::sync::watch::channel(String::new()).1;
        let acceptors = tls::Acceptors::new(Arc::new(certificate.unwrap()), nobody);
        let acceptor = acceptors.unwrap().current();
        let listener = TcpListener::bind((here, 0)).await.unwrap();
        let issuer = Self {
            address: listener.local_addr().unwrap(),
            keys: Arc::new(Mutex::new(keys)),
            dir,
        };
        let (url, keys) = (issuer.url(), issuer.keys.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Whoever does not trust the issuer breaks off here.
                let Ok(stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let (url, keys) = (url.clone(), keys.clone());
                let service = service_fn(move |request: Request<Incoming>| {
                    let body = answer(request.uri().path(), &url, &keys);
                    async move { Ok::<_, Infallible>(Response::new(Full::new(body))) }
                });
                tokio::spawn(async move {
                    let builder = auto::Builder::new(TokioExecutor::new());
                    let _ = builder
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        issuer
    }

    /// What it calls itself.
    pub fn url(&self) -> String {
        format!("https://{}/realm", self.address)
    }

    /// The file of the authority that vouches for it.
    pub fn ca_file(&self) -> PathBuf {
        self.dir.path().join("ca.crt")
    }

    /// Signs with other keys from now on.
    pub fn rotate(&self, keys: Vec<Value>) {
        *self.keys.lock().unwrap() = keys;
    }

    /// The file of an authority that does not.
    pub fn other_ca_file(&self) -> PathBuf {
        let dir = self.dir.path().join("other");
        let authority = Authority::in_dir(&dir).unwrap();
        fs::write(dir.join("other.crt"), authority.certificate()).unwrap();
        dir.join("other.crt")
    }
}

fn answer(path: &str, url: &str, keys: &Mutex<Vec<Value>>) -> Bytes {
    let answer = match path {
        "/realm/.well-known/openid-configuration" => {
            json!({"issuer": url, "jwks_uri": format!("{url}/keys")})
        }
        "/realm/keys" => json!({"keys": *keys.lock().unwrap()}),
        _ => json!({"error": "not here"}),
    };
    answer.to_string().into()
}
