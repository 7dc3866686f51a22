//! Which configuration of authentication or authorization is in force, and how often it was read again.
//!
//! Upstream: `pkg/server/options/authenticationconfig/metrics` and `authorizationconfig/metrics` of
//! `k8s.io/apiserver`.

use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::core::Collector;
use prometheus::{Gauge, GaugeVec, IntCounterVec, IntGaugeVec, Opts};
use ring::digest::{SHA256, digest};

const VALID: &str = "these names are valid";

/// The metrics of one configuration file. Clones count together.
#[derive(Clone, Debug)]
pub struct ConfigMetrics {
    reloads: IntCounterVec,
    last: GaugeVec,
    info: IntGaugeVec,
    server: String,
}

impl ConfigMetrics {
    /// Of the file of `--authentication-config`, on a machine of this name.
    pub fn of_authentication(host: &str) -> Self {
        Self::new("authentication", host)
    }

    /// Of the file of `--authorization-config`, on a machine of this name.
    pub fn of_authorization(host: &str) -> Self {
        Self::new("authorization", host)
    }

    fn new(of: &str, host: &str) -> Self {
        let options = |name: &str, help: &str| {
            let name = format!("apiserver_{of}_config_controller_{name}");
            Opts::new(name, help)
        };
        let reloads = options(
            "automatic_reloads_total",
            &format!("How often the {of} configuration was read again, by status and server."),
        );
        let last = options(
            "automatic_reload_last_timestamp_seconds",
            &format!("When the {of} configuration was last read again, by status and server."),
        );
        let info = options(
            "last_config_info",
            &format!("The hash of the {of} configuration in force, by server."),
        );
        let labels = ["apiserver_id_hash", "status"];
        Self {
            reloads: IntCounterVec::new(reloads, &labels).expect(VALID),
            last: GaugeVec::new(last, &labels).expect(VALID),
            info: IntGaugeVec::new(info, &["apiserver_id_hash", "hash"]).expect(VALID),
            server: hash(id(host).as_bytes()),
        }
    }

    /// A configuration is in force.
    pub fn applied(&self, text: &[u8]) {
        self.info.reset();
        let labels = [self.server.as_str(), &hash(text)];
        self.info.with_label_values(&labels).set(1);
    }

    /// Another configuration was read, and is in force.
    pub fn reloaded(&self, text: &[u8]) {
        self.count("success");
        self.applied(text);
    }

    /// The configuration could not be read again.
    pub fn failed(&self) {
        self.count("failure");
    }

    fn count(&self, status: &str) {
        let labels = [self.server.as_str(), status];
        self.reloads.with_label_values(&labels).inc();
        set_to_now(&self.last.with_label_values(&labels));
    }

    /// All of them, to be registered.
    pub fn collectors(&self) -> [Box<dyn Collector>; 3] {
        [
            Box::new(self.reloads.clone()),
            Box::new(self.last.clone()),
            Box::new(self.info.clone()),
        ]
    }
}

fn set_to_now(gauge: &Gauge) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    gauge.set(now.unwrap_or_default().as_secs_f64());
}

fn hash(data: &[u8]) -> String {
    let digest = digest(&SHA256, data);
    let digits = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    format!("sha256:{}", digits.collect::<String>())
}

/// The identity of a server, from the name of its machine (upstream: `NewConfig` in `pkg/server/config.go`).
fn id(host: &str) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let digest = digest(&SHA256, host.as_bytes());
    let bytes = digest.as_ref().iter().take(16);
    let number = bytes.fold(0, |number: u128, byte| number << 8 | u128::from(*byte));
    // base32: 5 bits a letter, the last one padded with zeros
    let letters = (0..26).map(|at| {
        let bits = match 5 * at {
            shift @ ..=123 => number >> (123 - shift),
            shift => number << (shift - 123),
        };
        char::from(ALPHABET[(bits & 31) as usize])
    });
    format!("apiserver-{}", letters.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_the_base32_of_a_hash() {
        // printf kind-control-plane | sha256sum | cut -c 1-32 | xxd -r -p | base32
        assert_eq!(
            id("kind-control-plane"),
            "apiserver-c4vwjftbvpc5os2vvzle4qg27a"
        );
    }

    #[test]
    fn only_the_last_configuration_is_in_force() {
        let metrics = ConfigMetrics::of_authentication("h");
        metrics.applied(b"one");
        metrics.failed();
        metrics.reloaded(b"two");
        let in_force = metrics.info.collect();
        let [in_force] = in_force[0].get_metric() else {
            panic!("{in_force:?}");
        };
        let hash = in_force.get_label().iter().find(|l| l.name() == "hash");
        assert_eq!(hash.map(|l| l.value()), Some(hash_of_two()));
        let count = |status| {
            let labels = [metrics.server.as_str(), status];
            metrics.reloads.with_label_values(&labels).get()
        };
        assert_eq!((count("success"), count("failure")), (1, 1));
    }

    /// `printf two | sha256sum`
    const fn hash_of_two() -> &'static str {
        "sha256:3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3"
    }
}
