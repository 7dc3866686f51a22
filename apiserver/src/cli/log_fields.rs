//! The fields of log lines and of requests' spans, as text.
//!
//! A span's fields are formatted when it begins, for each request and whether or not a line is ever logged in it. Nearly
//! all are short texts, which need neither `fmt` nor styles; with both, they were a tenth of the instructions of a GET.

use std::error::Error;
use std::fmt::{self, Debug};

use tracing::field::{Field, Visit};
use tracing_subscriber::field::{RecordFields, VisitOutput};
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultVisitor, Writer};

/// Formats fields as `tracing_subscriber` does by default.
pub(super) struct TextFields;

impl<'w> FormatFields<'w> for TextFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut visitor = Fields {
            writer,
            is_first: true,
            result: Ok(()),
        };
        fields.record(&mut visitor);
        visitor.result
    }
}

struct Fields<'w> {
    writer: Writer<'w>,
    is_first: bool,
    result: fmt::Result,
}

impl Fields<'_> {
    /// Passes a field on to the default visitor.
    fn by_default(&mut self, visit: impl FnOnce(&mut DefaultVisitor<'_>)) {
        if self.result.is_err() {
            return;
        }
        let mut visitor = DefaultVisitor::new(self.writer.by_ref(), self.is_first);
        visit(&mut visitor);
        self.result = visitor.finish();
        self.is_first = false;
    }

    fn write(&mut self, name: &str, text: &str) -> fmt::Result {
        if !self.is_first {
            self.writer.write_char(' ')?;
        }
        self.is_first = false;
        for part in [name, "=\"", text, "\""] {
            self.writer.write_str(part)?;
        }
        Ok(())
    }
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, text: &str) {
        // of a keyword, as a field's name, the macros keep the `r#`
        let name = field.name().trim_start_matches("r#");
        let is_special = name == "message" || name.starts_with("log.");
        if is_special || self.writer.has_ansi_escapes() || !is_plain(text) {
            return self.by_default(|visitor| visitor.record_str(field, text));
        }
        if self.result.is_ok() {
            self.result = self.write(name, text);
        }
    }

    fn record_error(&mut self, field: &Field, error: &(dyn Error + 'static)) {
        self.by_default(|visitor| visitor.record_error(field, error));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.by_default(|visitor| visitor.record_debug(field, value));
    }
}

/// Whether a text in quotes is as `Debug` writes it.
fn is_plain(text: &str) -> bool {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
    text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'w> MakeWriter<'w> for Log {
        type Writer = Self;

        fn make_writer(&'w self) -> Self {
            self.clone()
        }
    }

    /// What is logged by some lines in a span whose fields have every form.
    fn logged(ansi: bool, own: bool) -> String {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(ansi)
            .without_time()
            .with_writer(log.clone());
        let lines = || {
            let none: Option<&str> = None;
            let span = tracing::info_span!(
                "request",
                plain = "/api/v1/pods",
                quoted = "a \"b\" \\ c",
                unprintable = "é\u{1b}\n\u{7f}",
                none,
                number = 7,
                later = tracing::field::Empty,
                r#as = "carol",
            );
            let _inside = span.enter();
            tracing::info!(first = true, "a message");
            span.record("later", "with a space");
            let error = io::Error::other("broken");
            let error = &error as &(dyn Error + 'static);
            tracing::info!(error, text = "x", display = %"y", "another");
        };
        if own {
            let subscriber = subscriber.fmt_fields(TextFields).finish();
            tracing::subscriber::with_default(subscriber, lines);
        } else {
            tracing::subscriber::with_default(subscriber.finish(), lines);
        }
        let bytes = log.0.lock().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn fields_are_written_as_by_default() {
        for ansi in [false, true] {
            let text = logged(ansi, true);
            assert_eq!(text, logged(ansi, false));
            assert_eq!(text.lines().count(), 2, "{text}");
        }
        let text = logged(false, true);
        assert!(
            text.contains(r#"plain="/api/v1/pods" quoted="a \"b\" \\ c""#),
            "{text}"
        );
        assert!(
            text.contains(r#"as="carol" later="with a space""#),
            "{text}"
        );
    }
}
