//! Command lines as Go's pflag parses them.

use std::collections::BTreeMap;

/// Whether a flag takes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// A value: `--flag=value` or `--flag value`.
    Value,
    /// True or false, and true without a value: `--flag` or `--flag=false`.
    Switch,
}

/// The flags of a command line: each with its values in their order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Flags {
    values: BTreeMap<String, Vec<String>>,
}

impl Flags {
    /// Parses a command line without the program's name. `takes` knows the flags; `-v` is short for `--v`,
    /// `-h` for `--help`. Underscores in names are dashes; empty arguments, which scripts pass, are skipped.
    ///
    /// # Errors
    /// pflag's error, which names the flag.
    pub fn parse(
        arguments: impl IntoIterator<Item = String>,
        takes: impl Fn(&str) -> Option<Takes>,
    ) -> Result<Self, String> {
        let mut flags = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let Some((name, value)) = split(&argument) else {
                if argument.is_empty() {
                    continue;
                }
                return Err(format!("unexpected argument {argument:?}"));
            };
            let takes = takes(&name).ok_or_else(|| format!("unknown flag: --{name}"))?;
            let value = match (value, takes) {
                (Some(value), _) => value,
                (None, Takes::Switch) => "true".to_owned(),
                (None, Takes::Value) => arguments
                    .next()
                    .ok_or_else(|| format!("flag needs an argument: --{name}"))?,
            };
            flags.values.entry(name).or_default().push(value);
        }
        Ok(flags)
    }

    /// The last value of a flag, which counts if there can be only one.
    pub fn last(&self, name: &str) -> Option<&str> {
        self.values.get(name)?.last().map(String::as_str)
    }

    /// Whether a switch is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.last(name).is_some_and(|value| value != "false")
    }

    /// All flags that were given, with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        let all = self.values.iter();
        all.map(|(name, values)| (name.as_str(), values.as_slice()))
    }
}

/// A flag's name and, if it is in the same word, its value.
fn split(argument: &str) -> Option<(String, Option<String>)> {
    let long = argument.strip_prefix("--").filter(|rest| !rest.is_empty());
    if let Some(long) = long {
        let (name, value) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (long, None),
        };
        return Some((name.replace('_', "-"), value));
    }
    match argument.strip_prefix('-')? {
        "h" => Some(("help".to_owned(), None)),
        "v" => Some(("v".to_owned(), None)),
        // `-v4` and `-v=4`; anything else with one dash is a long flag to etcd, whose flags are Go's own
        short => match short.strip_prefix('v').map(|v| v.trim_start_matches('=')) {
            Some(level) if level.parse::<u8>().is_ok() => {
                Some(("v".to_owned(), Some(level.to_owned())))
            }
            _ => split(&format!("--{short}"))
                .filter(|_| !short.is_empty() && !short.starts_with('-')),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Flags, String> {
        let takes = |name: &str| match name {
            "on" | "help" => Some(Takes::Switch),
            "path" | "v" | "data-dir" => Some(Takes::Value),
            _ => None,
        };
        Flags::parse(words.iter().map(|word| (*word).to_owned()), takes)
    }

    #[test]
    fn values_stand_beside_or_behind_a_flag() {
        let flags = parse(&["--path=a=b", "--on", "", "--path", "c", "-v4"]).unwrap();
        assert_eq!(flags.last("path"), Some("c"));
        assert_eq!(flags.values["path"], ["a=b", "c"]);
        assert!(flags.is_on("on") && !flags.is_on("off"));
        assert_eq!(flags.last("v"), Some("4"));
        assert!(!parse(&["--on=false"]).unwrap().is_on("on"));
        assert_eq!(parse(&["-v", "2"]).unwrap().last("v"), Some("2"));
        assert_eq!(parse(&["-v=3"]).unwrap().last("v"), Some("3"));
        assert_eq!(
            parse(&["-data-dir", "d"]).unwrap().last("data-dir"),
            Some("d")
        );
        assert_eq!(
            parse(&["--data_dir=d"]).unwrap().last("data-dir"),
            Some("d")
        );
        assert!(parse(&["-h"]).unwrap().is_on("help"));
    }

    #[test]
    fn errors_name_the_flag() {
        for (words, error) in [
            (&["--nope=1"][..], "unknown flag: --nope"),
            (&["--path"], "flag needs an argument: --path"),
            (&["serve"], "unexpected argument \"serve\""),
            (&["-"], "unexpected argument \"-\""),
            (&["--"], "unexpected argument \"--\""),
        ] {
            assert_eq!(parse(words).unwrap_err(), error, "{words:?}");
        }
    }
}
