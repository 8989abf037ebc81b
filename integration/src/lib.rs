//! Harness for the tests against real servers: starts Vault and MinIO in containers, runs the programs as a user runs
//! them, and asks the servers by independent means what became of it.
//!
//! Of the libraries under test only the generator of archives is used. Helpers panic with what they saw: a test has no
//! better answer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a harness failure is a test failure"
)]

pub mod authority;
pub mod bucket;
pub mod cloud;
pub mod cluster;
pub mod container;
pub mod directory;
pub mod front;
pub mod image;
pub mod jwt;
pub mod line;
pub mod manifest;
pub mod minio;
pub mod name;
pub mod page;
pub mod program;
pub mod running;
pub mod s3_proxy;
pub mod shared;
mod stand_in;
pub mod token_review;
pub mod vault;
pub mod versions;
pub mod wait;
