//! The edge every snapline program shares: arguments, exit codes, messages, standard streams, signals.
//!
//! Only programs depend on this crate. It is the one place that prints, reads argv and ends the process; libraries return
//! errors and log through the `log` facade, whose lines `-v` makes visible.

pub mod args;
mod argv;
mod codes;
mod destination;
mod ended;
mod ending;
mod failure;
mod gauges;
mod ignored;
mod input;
mod line;
mod mask;
mod message;
mod output;
mod pipe;
pub mod privacy;
mod program;
mod progress;
mod search;
mod table;
mod values;
mod watchdog;

pub use argv::Trailing;
pub use ended::{Ended, not_started};
pub use ending::{AtEnd, Ending, at_end, yield_to_ending};
pub use failure::{Failure, OrExit};
pub use gauges::Gauges;
pub use ignored::not_ignored;
pub use input::{Input, Source, input, stdin_source};
pub use line::{Line, read_line};
pub use message::{Field, LogFormat, summary};
pub use output::{Output, Sink, refuse_terminal};
pub use pipe::enlarge_pipe;
pub use program::{Common, Program, Runnable, main, main_with, typed_value};
pub use progress::Progress;
pub use search::{Missing, find_program};
pub use snapline_failure::{Fail, Kind, one_line};
pub use table::table;
pub use values::{age, parse_duration, parse_size};
pub use watchdog::{Stall, Watchdog};

/// What the option macros expand to; not for direct use.
#[doc(hidden)]
pub mod macros {
    pub use argh;
}
