//! Options of a server from flags, for programs that run one.

use clap::{Args, Command, FromArgMatches};

use super::Serve;

impl Serve {
    /// What flags of `portcullis serve` say, such as `--authorization-mode=RBAC`.
    ///
    /// # Errors
    /// One line that names the flag at fault.
    pub fn from_flags<S: AsRef<str>>(flags: impl IntoIterator<Item = S>) -> Result<Self, String> {
        let command = Self::augment_args(Command::new("portcullis").no_binary_name(true));
        let flags = flags.into_iter().map(|flag| flag.as_ref().to_owned());
        let read = command.try_get_matches_from(flags);
        let read = read.and_then(|matches| Self::from_arg_matches(&matches));
        read.map_err(|error| one_line(&error.to_string()))
    }
}

/// What clap says, without its title and its hints on usage, which stand behind an empty line.
pub fn one_line(text: &str) -> String {
    let lines = text.lines().take_while(|line| !line.trim().is_empty());
    let line = lines.map(str::trim).collect::<Vec<_>>().join(" ");
    line.trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_or_named() {
        let options = Serve::from_flags(["--secure-port=0", "--allow-privileged=false"]).unwrap();
        assert!(options.secure_port == 0 && !options.allow_privileged);
        for (flags, named) in [
            (["--nope", "--anonymous-auth"], "--nope"),
            (["--secure-port=x", "--anonymous-auth"], "--secure-port"),
            (["--event-ttl=1h", "--event-ttl=2h"], "--event-ttl"),
            (["help", "--anonymous-auth"], "help"),
        ] {
            let why = Serve::from_flags(flags).unwrap_err();
            assert!(why.contains(named) && !why.contains('\n'), "{why}");
        }
    }
}
