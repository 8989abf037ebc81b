//! An archive on its way from a reader to a writer.
//!
//! It is verified while it passes, and its last 64 KiB leave only when the whole is proven ([`copy`]). It goes to the program's
//! output, or to a file without a name first ([`Spool`], [`take`]). Whoever waits too long, for the source, the output or the disk, is
//! ended with a message that names which ([`Watch`]).

mod copy;
mod spool;
mod take;
mod watch;

pub use copy::{Stop, Target, copy, copy_raw};
pub use spool::Spool;
pub use take::take;
pub use watch::{Stalls, Waiting, Watch};
