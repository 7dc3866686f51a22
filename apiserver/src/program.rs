//! What this program says that it is: its version, and the machine it runs on.

use portcullis_kinds::release::Release;

/// The version a server reports: that of the release it serves as, and then its own.
pub fn version(release: Release) -> String {
    let own = env!("CARGO_PKG_VERSION");
    format!("{}+portcullis.{own}", release.version())
}

/// This machine by Go's names: `linux/amd64`.
pub fn platform() -> String {
    format!("{}/{}", std::env::consts::OS, architecture())
}

/// This machine's architecture by Go's name for it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
