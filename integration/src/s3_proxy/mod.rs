//! A proxy in front of a real S3 server that goes wrong on schedule, byte for byte the same way each time.
//!
//! What a store does on its worst day cannot be ordered from a real one; a stand-in that plays the store, on the other hand,
//! proves nothing about what really becomes of objects and uploads. So the server behind this is real, and only what passes
//! between it and a client is tampered with. The `Host` header passes as it is, because clients sign it: a client takes the
//! proxy's address for its endpoint, and a server that takes any host, as MinIO does for path style, sees a good signature.
//!
//! In goes a schedule, a list of [`Rule`]s; out comes what was asked for and what was done ([`Seen`]).

mod call;
mod edit;
mod fault;
mod message;
mod proxy;

pub use call::Call;
pub use edit::Edit;
pub use fault::{Answer, Fault, Rule};
pub use proxy::{S3Proxy, Seen};
