//! What the benchmarks share: what is uploaded and downloaded, the stores, and what is made of the measurements.
#![allow(clippy::expect_used, clippy::print_stderr, reason = "a tool of the benchmarks")]

mod client;
mod http;
mod input;
pub mod promise;
mod sample;
mod sink;
mod source;

pub use client::version;
pub use input::{Input, Kind};
pub use sample::{Results, Sample, Stopwatch};
pub use sink::Sink;
pub use source::Source;
