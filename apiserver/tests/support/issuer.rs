//! An `OpenID` issuer on loopback, with TLS and keys that can change.

use std::fs;
use std::future::ready;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::Response;
use http::header::HOST;
use portcullis::pki::Authority;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use super::https_server::HttpsServer;

/// Signs tokens with ES256.
pub struct Signer {
    key: EcdsaKeyPair,
    id: String,
}

impl Signer {
    /// A signer with a new key.
    pub fn new(id: &str) -> Self {
        Self::of(&rcgen::KeyPair::generate().unwrap().serialize_pem(), id)
    }

    /// A signer with the key of a PEM file.
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

    /// A token with these claims.
    pub fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": "ES256", "kid": self.id});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&header), part(claims));
        let signature = self.key.sign(&SystemRandom::new(), text.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(signature.unwrap());
        format!("{text}.{signature}")
    }

    /// The key as in the issuer's key set.
    pub fn jwk(&self) -> Value {
        let point = &self.key.public_key().as_ref()[1..];
        let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id,
            "x": number(&point[..32]), "y": number(&point[32..]),
        })
    }
}

/// A running issuer.
pub struct Issuer {
    server: HttpsServer,
    keys: Arc<Mutex<Vec<Value>>>,
    /// Whether its configuration is where a discovery URL says.
    moved: Arc<AtomicBool>,
}

impl Issuer {
    /// Starts an issuer with these keys.
    pub async fn start(keys: Vec<Value>) -> Self {
        let keys = Arc::new(Mutex::new(keys));
        let moved = Arc::new(AtomicBool::new(false));
        let (served, elsewhere) = (keys.clone(), moved.clone());
        let server = HttpsServer::start(&[], move |request| {
            let host = request.headers().get(HOST);
            let host = request
                .uri()
                .authority()
                .map(ToString::to_string)
                .or_else(|| host.and_then(|host| Some(host.to_str().ok()?.to_owned())));
            let url = format!("https://{}/realm", host.unwrap_or_default());
            let place = match elsewhere.load(Ordering::Relaxed) {
                true => "/moved/configuration",
                false => "/realm/.well-known/openid-configuration",
            };
            let answer = answer(request.uri().path(), place, &url, &served);
            ready(Response::new(answer))
        });
        Self {
            server: server.await,
            keys,
            moved,
        }
    }

    /// Serves its configuration elsewhere from now on; the URL of that.
    pub fn move_configuration(&self) -> String {
        self.moved.store(true, Ordering::Relaxed);
        format!("https://{}/moved/configuration", self.server.address())
    }

    /// What it calls itself.
    pub fn url(&self) -> String {
        format!("https://{}/realm", self.server.address())
    }

    /// The file of the authority that signed its certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.server.dir().join("ca.crt")
    }

    /// Replaces its keys.
    pub fn rotate(&self, keys: Vec<Value>) {
        *self.keys.lock().unwrap() = keys;
    }

    /// The file of another authority.
    pub fn other_ca_file(&self) -> PathBuf {
        let dir = self.server.dir().join("other");
        let authority = Authority::in_dir(&dir).unwrap();
        fs::write(dir.join("other.crt"), authority.certificate()).unwrap();
        dir.join("other.crt")
    }
}

fn answer(path: &str, configuration: &str, url: &str, keys: &Mutex<Vec<Value>>) -> Bytes {
    let answer = match path {
        path if path == configuration => {
            json!({"issuer": url, "jwks_uri": format!("{url}/keys")})
        }
        "/realm/keys" => json!({"keys": *keys.lock().unwrap()}),
        _ => json!({"error": "not here"}),
    };
    answer.to_string().into()
}
