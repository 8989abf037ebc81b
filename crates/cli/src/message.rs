//! What goes to standard error: errors, warnings, hints, the summary line, and the log lines that `-v` shows; as text or as
//! JSON lines.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::Kind;

/// How messages are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One line a message, for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl std::str::FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(format!("'{text}' is neither text nor json")),
        }
    }
}

/// A value in the summary line.
#[derive(Debug, Clone, PartialEq)]
pub enum Field {
    /// A count, bare in both forms.
    Count(u64),
    /// Seconds, one decimal place.
    Seconds(f64),
    /// A word or a name, bare in the text form.
    Word(String),
    /// Several of them, separated by commas in the text form.
    Words(Vec<String>),
}

impl Field {
    /// As it stands in a line of text.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Count(count) => count.to_string(),
            Self::Seconds(seconds) => format!("{seconds:.1}"),
            Self::Word(word) => one_line(word),
            Self::Words(words) => one_line(&words.join(", ")),
        }
    }

    /// As it stands in a JSON line.
    fn value(&self) -> Value {
        match self {
            Self::Count(count) => json!(count),
            Self::Seconds(seconds) => json!((seconds * 10.0).round() / 10.0),
            Self::Word(word) => json!(one_line(word)),
            Self::Words(words) => words.iter().map(|word| json!(one_line(word))).collect(),
        }
    }
}

/// How much a program says; set once, before anything is said.
#[derive(Debug, Default)]
struct Voice {
    program: &'static str,
    quiet: bool,
    format: LogFormat,
}

static VOICE: OnceLock<Voice> = OnceLock::new();
/// Whether an unfinished progress line stands on the terminal; it is wiped before any other line.
static PROGRESS_SHOWN: Mutex<bool> = Mutex::new(false);

/// No message is longer; a server's page of HTML must not bury what was said.
const LONGEST: usize = 4096;

/// Sets who speaks and how, and opens the way for the libraries' log lines.
pub(crate) fn set_up(program: &'static str, quiet: bool, verbosity: u8, format: LogFormat) {
    let first = VOICE.set(Voice { program, quiet, format }).is_ok();
    if first && log::set_logger(&Log).is_ok() {
        log::set_max_level(match verbosity {
            // What makes a connection unsafe is said all the same.
            _ if quiet => log::LevelFilter::Warn,
            0 => log::LevelFilter::Warn,
            1 => log::LevelFilter::Info,
            2 => log::LevelFilter::Debug,
            _ => log::LevelFilter::Trace,
        });
    }
}

fn voice() -> &'static Voice {
    VOICE.get_or_init(Voice::default)
}

/// Whether progress may be drawn: a person watches standard error and did not ask for silence.
pub(crate) fn progress_wanted() -> bool {
    let voice = voice();
    !voice.quiet && voice.format == LogFormat::Text && std::io::stderr().is_terminal()
}

/// Draws or wipes the progress line.
pub(crate) fn draw_progress(line: Option<&str>) {
    let mut shown = PROGRESS_SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let text = match line {
        Some(line) => format!("\r\x1b[K{}: {line}", voice().program),
        None if *shown => "\r\x1b[K".to_owned(),
        None => return,
    };
    *shown = line.is_some();
    put(&text);
}

/// The error that ends the program, and a hint if there is one.
pub(crate) fn error(message: &str, kind: Kind, hint: Option<&str>) {
    let message = one_line(message);
    let hint = hint.map(one_line);
    draw_progress(None);
    let program = voice().program;
    match voice().format {
        LogFormat::Text => {
            // The error is the last line where only the tail is shown, unless a hint follows it.
            put(&format!("{program}: error: {message}\n"));
            if let Some(hint) = hint {
                put(&format!("{program}: hint: {hint}\n"));
            }
        }
        LogFormat::Json => {
            let mut object = object("error", &message);
            if let Some(hint) = hint {
                object.insert("hint".to_owned(), json!(hint));
            }
            object.insert("exit".to_owned(), json!(kind.code()));
            put_object(object);
        }
    }
}

/// The one line that says what was done: `s3-put: stored 's3://…' bytes=21340 parts=1`.
///
/// `what` is the deed with its object; the fields follow in the order given. Dropped by `--quiet`.
pub fn summary(what: &str, fields: &[(&str, Field)]) {
    if voice().quiet {
        return;
    }
    draw_progress(None);
    match voice().format {
        LogFormat::Text => {
            let mut line = format!("{}: {}", voice().program, one_line(what));
            for (name, field) in fields {
                line.push_str(&format!(" {name}={}", field.text()));
            }
            line.push('\n');
            put(&line);
        }
        LogFormat::Json => record(what, fields.iter().map(|(name, field)| (*name, field))),
    }
}

/// Whether messages are JSON lines.
pub(crate) fn is_json() -> bool {
    voice().format == LogFormat::Json
}

/// A line of text for people, of words that are fit for it already: blanks are left as they are.
pub(crate) fn say(line: &str) {
    draw_progress(None);
    put(&format!("{}: {line}\n", voice().program));
}

/// A JSON line with the values of `fields`.
pub(crate) fn record<'a>(what: &str, fields: impl Iterator<Item = (&'a str, &'a Field)>) {
    let mut object = object("info", &one_line(what));
    object.extend(fields.map(|(name, field)| (name.to_owned(), field.value())));
    put_object(object);
}

fn object(level: &str, message: &str) -> Map<String, Value> {
    let mut object = Map::new();
    if let Ok(now) = OffsetDateTime::now_utc().format(&Rfc3339) {
        object.insert("time".to_owned(), json!(now));
    }
    object.insert("program".to_owned(), json!(voice().program));
    object.insert("level".to_owned(), json!(level));
    object.insert("message".to_owned(), json!(message));
    object
}

fn put_object(object: Map<String, Value>) {
    put(&format!("{}\n", Value::Object(object)));
}

fn put(text: &str) {
    // One write a line, so that the lines of several programs on one stderr do not mix. A stderr that is full or closed
    // must not change what the program does.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Foreign text as it may stand in a message.
pub(crate) fn one_line(text: &str) -> String {
    snapline_failure::one_line(text, LONGEST)
}

/// The libraries' log lines; one whose target ends in `::hint` says what to do about the warning before it, one whose target ends
/// in `::unsafe` is said even to those who want to hear of errors only. Only ours are shown: other crates' may hold headers.
struct Log;

impl log::Log for Log {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        if voice().quiet && !metadata.target().ends_with("::unsafe") {
            return false;
        }
        let target = metadata.target().split("::").next().unwrap_or_default();
        target.starts_with("snapline") || target == voice().program.replace('-', "_")
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let message = one_line(&record.args().to_string());
        let hint = record.target().ends_with("::hint");
        let warning = record.level() <= log::Level::Warn && !hint;
        draw_progress(None);
        match voice().format {
            LogFormat::Text => {
                let label = match (hint, warning) {
                    (true, _) => "hint: ",
                    (_, true) => "warning: ",
                    _ => "",
                };
                put(&format!("{}: {label}{message}\n", voice().program));
            }
            LogFormat::Json => {
                let level = if hint {
                    "hint".to_owned()
                } else if warning {
                    "warning".to_owned()
                } else {
                    record.level().as_str().to_ascii_lowercase()
                };
                put_object(object(&level, &message));
            }
        }
    }

    fn flush(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_message_with_newlines_becomes_one_line() {
        assert_eq!(
            one_line("2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"),
            "2 errors occurred: * permission denied * invalid token"
        );
    }

    #[test]
    fn a_message_cannot_steer_the_terminal_and_is_bounded() {
        assert_eq!(one_line("a\u{1b}[31mb\u{9b}c"), "a\\u{1b}[31mb\\u{9b}c");
        assert!(one_line(&"ü".repeat(10_000)).chars().count() <= LONGEST + 1);
    }
}
